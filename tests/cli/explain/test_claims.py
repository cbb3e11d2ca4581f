"""Claims on the command line make a caller whose token an issuer signs."""

from pathlib import Path

import pytest

from gateway.cli.explain.caller import BadClaimsError, persona_of_claims
from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.persona import make_claims
from tests.suites.worlds import AT, load


@pytest.fixture(name="settings")
def make_settings(tmp_path: Path) -> Settings:
    return load(tmp_path)


@pytest.mark.parametrize(
    ("iss", "issuer"),
    [
        ("https://login.example/", "main"),
        ("https://partner.example", "partner"),
        ("ci", "ci"),
        ("https://elsewhere.example", "main"),
        (None, "main"),
        (7, "main"),
    ],
)
def test_the_issuer_is_whom_the_claims_name(iss: object, issuer: str, settings: Settings) -> None:
    assert persona_of_claims({"iss": iss}, settings.issuers).issuer == issuer


def test_claims_add_to_those_that_a_token_has_and_null_takes_one_away(settings: Settings) -> None:
    claims = {"iss": "ci", "scope": "a b", "jti": None, "exp": 7}
    persona = persona_of_claims(claims, settings.issuers)

    assert make_claims(persona, settings.issuers["ci"].issuer, AT) == {
        "iss": "ci",
        "sub": "somebody",
        "aud": "any-audience",
        "client_id": "somebody-client",
        "iat": int(AT),
        "exp": 7,
        "scope": "a b",
    }


def test_of_several_issuers_one_must_be_named(settings: Settings) -> None:
    with pytest.raises(BadClaimsError, match=r"several issuers: add \"iss\", one of https://login"):
        persona_of_claims({"scope": "a"}, settings.issuers)


def test_a_single_issuer_need_not_be_named(settings: Settings) -> None:
    only = {"partner": settings.issuers["partner"]}

    assert persona_of_claims({"scope": "a"}, only).issuer == "partner"


def test_without_an_issuer_nobody_signs() -> None:
    with pytest.raises(BadClaimsError, match="no issuer"):
        persona_of_claims({}, {})
