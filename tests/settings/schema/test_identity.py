"""The shape of the section about assertions."""

from pathlib import Path

import pytest

from gateway.settings.schema.identity import DEFAULT_CLAIMS, AssertionModel
from tests.assertion.callers import signing_pem
from tests.settings.configs import assert_found, config

GOOD = 'issuer: "https://gateway.example.com/", keys: [signing.pem]'


def section(text: str) -> str:
    """Return a configuration whose assertion is the flow mapping *text*."""
    return config(f"identity:\n  assertion: {text}\n")


MISTAKES = [
    ("wrong_type", section("¦[]")),
    ("missing_key", config("identity:\n  ¦assertion: {keys: [signing.pem]}\n")),
    ("missing_key", config('identity:\n  ¦assertion: {issuer: "https://a/"}\n')),
    ("empty_list", section('{issuer: "https://a/", keys: ¦[]}')),
    ("wrong_type", section('{issuer: "https://a/", keys: ¦signing.pem}')),
    ("unknown_key", section("{" + GOOD + ", ¦audience: a}")),
    ("bad_value", section("{" + GOOD + ", lifetime: ¦0s}")),
    ("bad_value", section("{" + GOOD + ", lifetime: ¦soon}")),
]


@pytest.fixture(autouse=True)
def key(tmp_path: Path) -> None:
    (tmp_path / "signing.pem").write_bytes(signing_pem("ES256"))


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_the_shape_is_found_at_its_place(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_what_is_not_said_has_a_default() -> None:
    model = AssertionModel(issuer="https://gateway.example.com/", keys=["signing.pem"])

    assert model.field == "X-Gateway-Assertion"
    assert model.lifetime == 60.0
    assert model.copied == DEFAULT_CLAIMS
    assert model.jwks_path == "/.well-known/jwks.json"
