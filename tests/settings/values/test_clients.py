from gateway.issuer.metadata import oauth_metadata
from gateway.settings.values.clients import ClientAuthentication


def test_each_way_to_authenticate_has_its_registered_name() -> None:
    """As in the registry of RFC 7591 §4.2, and as an issuer writes them that accepts them all."""
    names = {method.value: method.registered_name for method in ClientAuthentication}

    assert names == {
        "none": "none",
        "basic": "client_secret_basic",
        "post": "client_secret_post",
        "private_key_jwt": "private_key_jwt",
    }
    offered = oauth_metadata("https://login.example.com")["token_endpoint_auth_methods_supported"]
    assert sorted(names.values()) == sorted(offered)  # type: ignore[call-overload]
