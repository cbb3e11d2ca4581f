from gateway.oauth.authorization import CodeRequest
from gateway.oauth.pkce import challenge_of

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def test_the_least_request_has_state_and_a_challenge() -> None:
    """7636.2: the verifier itself is not in it."""
    request = CodeRequest("web", "https://app.example.com/cb", (), "the-state", VERIFIER)

    assert dict(request.form()) == {
        "response_type": "code",
        "client_id": "web",
        "redirect_uri": "https://app.example.com/cb",
        "state": "the-state",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    assert VERIFIER not in str(request.form())


def test_a_request_for_more_says_more() -> None:
    request = CodeRequest(
        "web",
        "https://app.example.com/cb",
        ("openid", "orders:read"),
        "the-state",
        VERIFIER,
        nonce="the-nonce",
        resources=("https://a.example", "https://b.example"),
        more=(("acr_values", "mfa"),),
    )

    assert list(request.form())[6:] == [
        ("scope", "openid orders:read"),
        ("nonce", "the-nonce"),
        ("resource", "https://a.example"),
        ("resource", "https://b.example"),
        ("acr_values", "mfa"),
    ]


def test_what_binds_a_response_to_a_browser_is_not_shown() -> None:
    request = CodeRequest("web", "https://app.example.com/cb", (), "st4te", VERIFIER, "n0nce")

    assert "st4te" not in repr(request)
    assert "n0nce" not in repr(request)
    assert VERIFIER not in repr(request)
