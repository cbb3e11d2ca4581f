"""The two discovery documents, which another library validates."""

from collections.abc import Callable

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata

from gateway.issuer.metadata import oauth_metadata, openid_metadata
from gateway.issuer.signing_keys import SigningAlgorithm

ISSUER = "https://127.0.0.1:9000"
RS256 = SigningAlgorithm.RS256


@pytest.mark.parametrize(
    "document", [oauth_metadata, lambda issuer: openid_metadata(issuer, RS256)]
)
def test_the_issuer_is_the_one_asked_for_and_all_endpoints_are_its_own(
    document: Callable[[str], dict[str, object]],
) -> None:
    """8414.1."""
    metadata = document(ISSUER)

    assert metadata["issuer"] == ISSUER
    endpoints = [name for name in metadata if name.endswith(("_endpoint", "_uri"))]
    assert len(endpoints) >= 5
    assert all(str(metadata[name]).startswith(ISSUER + "/") for name in endpoints)


def test_another_library_finds_nothing_wrong() -> None:
    """Of https alone, and with RS256: this is what OpenID Connect Discovery §3 requires."""
    AuthorizationServerMetadata(oauth_metadata(ISSUER)).validate()
    OpenIDProviderMetadata(openid_metadata(ISSUER, RS256)).validate()


def test_the_algorithm_is_the_one_that_signs() -> None:
    metadata = openid_metadata(ISSUER, SigningAlgorithm.ES256)

    assert metadata["id_token_signing_alg_values_supported"] == ["ES256"]


def test_the_metadata_says_what_it_is() -> None:
    assert oauth_metadata(ISSUER)["development_only"] is True


def test_pkce_and_the_issuer_in_responses_are_announced() -> None:
    """RFC 9700 §2.1.1, RFC 9207 §3; plain is never accepted."""
    metadata = oauth_metadata(ISSUER)

    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
