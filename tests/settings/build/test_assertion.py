"""Which keys, names and claims an assertion may have, and where its keys are published."""

import json
from pathlib import Path

import pytest

from gateway.decision.policy import ANY_HOST
from gateway.settings.load import Loaded, load_settings
from gateway.settings.text.disk import RecordingDisk, replay
from tests.assertion.callers import signing_key, signing_pem
from tests.settings.configs import assert_found, config, load


def section(more: str = "", issuer: str = "https://gateway.example.com/") -> str:
    """Return a configuration with a good assertion, and *more* in it."""
    return config(
        f'identity:\n  assertion: {{issuer: "{issuer}", keys: [one.pem, two.pem]{more}}}\n'
    )


@pytest.fixture(autouse=True)
def keys(tmp_path: Path) -> None:
    (tmp_path / "one.pem").write_bytes(signing_pem("ES256"))
    (tmp_path / "two.pem").write_bytes(signing_pem("EdDSA"))
    (tmp_path / "bad.pem").write_bytes(b"no key")


def with_keys(text: str) -> str:
    return config(f'identity:\n  assertion: {{issuer: "https://g/", keys: {text}}}\n')


MISTAKES = [
    ("missing_file", with_keys("[¦absent.pem]")),
    ("bad_key", with_keys("[one.pem, ¦bad.pem]")),
    ("duplicate_value", with_keys("[one.pem, ¦one.pem]")),
    ("bad_value", section(", lifetime: ¦11m")),
    ("bad_value", section(", lifetime: ¦500ms")),
    ("bad_value", section(", jwks_path: ¦jwks.json")),
    ("bad_value", section(", jwks_path: ¦/a/../b")),
    ("bad_value", section(", jwks_path: ¦/a?b")),
    ("bad_value", section(", jwks_path: ¦/é")),
    ("bad_value", section(", header: ¦Authorization")),
    ("bad_value", section(", header: ¦X-Forwarded-For")),
    ("bad_value", section(', header: ¦"X Y"')),
    ("bad_value", section(", header: ¦X-Gateway-Subject")),
    ("bad_value", section(", header: ¦x_gateway_subject")),
    ("bad_value", section(", claims: {¦iss: iss}")),
    ("bad_value", section(", claims: {¦exp: exp}")),
    ("bad_value", section(", claims: {roles: ¦a..b}")),
    ("missing_key", section(", profile: transaction_token").replace("assertion:", "¦assertion:")),
    ("conflicting_keys", section(", ¦trust_domain: example.com")),
    ("bad_value", section(", profile: ¦txn")),
    (
        "duplicate_issuer",
        config(
            'identity:\n  assertion: {issuer: ¦"https://login.example.com/", keys: [one.pem]}\n'
        ),
    ),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    """8725.11: our own `iss` is none that we trust."""
    assert_found(tmp_path, codes, text)


def test_the_first_key_signs_and_all_are_published_on_every_host(tmp_path: Path) -> None:
    settings = load(tmp_path, section())

    assert settings.assertion is not None
    kids = [signing_key("ES256").kid, signing_key("EdDSA").kid]
    assert [key.kid for key in settings.assertion.keys] == kids
    published = settings.policy.documents[ANY_HOST, b"/.well-known/jwks.json"]
    assert [jwk["kid"] for jwk in json.loads(published)["keys"]] == kids


def test_the_header_is_one_that_no_client_may_send(tmp_path: Path) -> None:
    assert load(tmp_path, section()).policy.identity.reserved == (b"X-Gateway-Assertion",)


def test_without_the_section_nothing_is_signed(tmp_path: Path) -> None:
    settings = load(tmp_path, config())

    assert settings.assertion is None
    assert settings.policy.identity.reserved == ()


def test_keys_are_among_what_a_configuration_was_read_from(tmp_path: Path) -> None:
    """A worker process signs with the keys that its supervisor read."""
    path = tmp_path / "gateway.yaml"
    path.write_text(section())
    disk = RecordingDisk()
    load_settings(path, {}, disk)
    (tmp_path / "one.pem").unlink()

    again = load_settings(path, {}, replay(disk.record))

    assert isinstance(again, Loaded)
    assert again.settings.assertion is not None
    assert again.settings.assertion.keys[0].kid == signing_key("ES256").kid


def test_a_transaction_token_has_its_own_field_and_context(tmp_path: Path) -> None:
    settings = load(tmp_path, section(", profile: transaction_token, trust_domain: example.com"))

    assert settings.assertion is not None
    assert settings.assertion.trust_domain == "example.com"
    assert settings.assertion.header == b"Txn-Token"
    assert [name for name, _ in settings.assertion.claims] == ["client_id", "token_issuer"]
    assert settings.policy.identity.reserved == (b"Txn-Token",)
