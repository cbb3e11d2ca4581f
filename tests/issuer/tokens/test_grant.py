"""What tokens are about."""

from gateway.issuer.tokens.grant import Authentication


def test_a_login_is_told_as_openid_names_it() -> None:
    """OpenID Connect Core §2, Back-Channel Logout §2.1."""
    assert Authentication(5, "strong", "s").claims() == {
        "auth_time": 5,
        "acr": "strong",
        "sid": "s",
    }
