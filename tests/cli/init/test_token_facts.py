"""What a token says about tokens like it, without its signature."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.cli.init.token_facts import TokenFacts, read_token_facts
from gateway.decision.policy import Issuer, Profile
from tests.cli.init.first_files import token

ISSUER = Issuer(
    "main", "https://login.example.com", frozenset({"api"}), frozenset({"ES256"}), Profile.ANY, 30
)
CLAIMS = {"iss": ISSUER.issuer, "aud": ["api", "other"], "scope": "openid read write"}


def facts(claims: Mapping[str, object], **header: object) -> TokenFacts:
    found = read_token_facts(token(claims, **header).encode())
    assert isinstance(found, TokenFacts)
    return found


def test_audiences_algorithm_and_scopes_are_those_of_the_token() -> None:
    found = facts(CLAIMS, alg="RS256")

    assert (found.algorithm, found.audiences) == ("RS256", ("api", "other"))
    assert found.scopes(ISSUER) == ("read", "write")
    assert found.problem(ISSUER) is None


def test_odd_claims_are_as_if_there_were_none() -> None:
    found = facts({"iss": 1, "aud": [1, ""], "scope": 7, "email": ["x"]})

    assert (found.audiences, found.scopes(ISSUER), found.text("email")) == ((), (), None)


@pytest.mark.parametrize(
    ("changes", "sign"),
    [
        ({"nonce": "n"}, "nonce"),
        ({"at_hash": "h"}, "at_hash"),
        ({"token_use": "id"}, "token_use"),
        ({"typ": "ID"}, "typ"),
        ({"scope": "", "aud": "web", "azp": "web"}, "azp"),
    ],
)
def test_an_id_token_is_recognised_as_the_gateway_does(
    changes: dict[str, object], sign: str
) -> None:
    problem = facts({**CLAIMS, **changes}).problem(ISSUER)

    assert problem is not None
    assert problem.startswith("this is an ID token")
    assert f"`{sign}`" in problem


def test_the_type_of_an_access_token_has_the_last_word() -> None:
    assert facts({**CLAIMS, "nonce": "n"}, typ="AT+JWT").problem(ISSUER) is None


def test_signs_that_an_issuer_turned_off_are_none() -> None:
    issuer = replace(ISSUER, id_token_signals=frozenset({"c_hash"}))

    assert facts({**CLAIMS, "nonce": "n"}).problem(issuer) is None


def test_a_malformed_scope_is_told() -> None:
    problem = facts({**CLAIMS, "scope": 7}).problem(ISSUER)

    assert problem == "the token's claim scope is malformed"


def test_a_token_is_of_rfc_9068_only_with_the_type_and_all_claims() -> None:
    whole = {**CLAIMS, "exp": 1, "sub": "a", "client_id": "c", "iat": 0, "jti": "1"}

    assert facts(whole, typ="application/at+jwt").is_rfc9068
    assert not facts(whole).is_rfc9068
    assert not facts({**whole, "jti": None}, typ="at+jwt").is_rfc9068
