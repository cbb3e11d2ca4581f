"""The two discovery documents."""

from collections.abc import Callable

import pytest

from gateway.issuer.endpoints import oauth_metadata, openid_metadata

ISSUER = "http://127.0.0.1:9000"


@pytest.mark.parametrize("document", [oauth_metadata, openid_metadata])
def test_the_issuer_is_the_one_asked_for_and_all_endpoints_are_its_own(
    document: Callable[[str], dict[str, object]],
) -> None:
    """8414.1."""
    metadata = document(ISSUER)

    assert metadata["issuer"] == ISSUER
    assert str(metadata["jwks_uri"]).startswith(ISSUER + "/")
    assert str(metadata["token_endpoint"]).startswith(ISSUER + "/")
    assert metadata["grant_types_supported"] == ["client_credentials"]


def test_openid_metadata_has_the_members_that_openid_requires() -> None:
    metadata = openid_metadata(ISSUER)

    assert metadata["subject_types_supported"] == ["public"]
    assert "RS256" in metadata["id_token_signing_alg_values_supported"]  # type: ignore[operator]
    assert metadata["response_types_supported"] == []
