"""An issuer that is the address of its keys or metadata is refused, with the issuer to write."""

from pathlib import Path

import pytest

from gateway.settings.load import Rejected
from tests.settings.configs import assert_found, faults, load, one_issuer, outcome_of

JWKS = 'jwks_url: "https://keys.example.com/x"'


def issuer(url: str, source: str = JWKS) -> str:
    return one_issuer(f'{{issuer: ¦"{url}", {source}, audiences: [orders]}}')


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("https://a/.well-known/openid-configuration", "https://a"),
        ("https://a/x/.well-known/oauth-authorization-server", "https://a/x"),
        ("https://a/.well-known/jwks.json", "https://a"),
        ("https://a/realms/x/protocol/openid-connect/certs", "https://a/realms/x"),
        ("https://a/oauth2/default/v1/keys", "https://a/oauth2/default"),
        ("https://a/t/discovery/v2.0/keys", "https://a/t"),
        ("https://a/jwks", "https://a"),
    ],
)
def test_the_message_has_the_issuer_without_what_is_below_it(
    url: str, right: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, "bad_value", issuer(url))
    [fault] = faults(tmp_path, issuer(url).replace("¦", ""))
    assert f"write `issuer: {right}`" in fault.message
    load(tmp_path, issuer(right).replace("¦", ""))


def test_the_address_of_keys_is_none_for_discovery_either(tmp_path: Path) -> None:
    text = issuer("https://a/.well-known/jwks.json", "discovery: true")

    assert_found(tmp_path, "bad_value", text)
    [fault] = faults(tmp_path, text.replace("¦", ""))
    assert "`jwks_url` replaces `discovery`" in fault.message


def test_an_address_of_keys_of_any_form_is_known_by_its_setting(tmp_path: Path) -> None:
    assert_found(tmp_path, "bad_value", issuer("https://a/k", 'jwks_url: "https://a/k"'))
    assert_found(tmp_path, "bad_value", issuer("https://a/k", 'discovery_url: "https://a/k"'))


@pytest.mark.parametrize(
    ("issuer_url", "source", "right"),
    [
        ("https://a/", "jwks_url: ¦https://a/.well-known/openid-configuration", "discovery: true"),
        ("https://a", "jwks_url: ¦https://a/.well-known/openid-configuration/", "discovery: true"),
        (
            "https://a/x",
            "jwks_url: ¦'https://b/.well-known/openid-configuration?p=y'",
            "discovery_url: https://b/.well-known/openid-configuration?p=y",
        ),
        (
            "https://a/x",
            "discovery_url: ¦https://b/.well-known/jwks.json",
            "jwks_url: https://b/.well-known/jwks.json",
        ),
    ],
)
def test_keys_and_metadata_are_not_mistaken_for_each_other(
    issuer_url: str, source: str, right: str, tmp_path: Path
) -> None:
    text = one_issuer(f"{{issuer: '{issuer_url}', {source}, audiences: [orders]}}")

    assert_found(tmp_path, "bad_value", text)
    [fault] = faults(tmp_path, text.replace("¦", ""))
    assert f"write `{right}` instead" in fault.message


@pytest.mark.parametrize(
    "source",
    [
        "jwks_url: 'https://a/.well-known/openid-configuration/jwks'",
        "jwks_url: 'https://a/.well-known/jwks.json'",
        "discovery_url: 'https://a/metadata'",
    ],
)
def test_their_own_addresses_are_left_alone(source: str, tmp_path: Path) -> None:
    load(tmp_path, one_issuer(f"{{issuer: 'https://b', {source}, audiences: [orders]}}"))


@pytest.mark.parametrize("url", ["https://a", "https://a/", "https://a/keys-of-x", "spiffe", "a b"])
def test_another_issuer_is_left_alone(url: str, tmp_path: Path) -> None:
    load(tmp_path, issuer(url).replace("¦", ""))


def test_a_host_without_a_scheme_has_no_metadata(tmp_path: Path) -> None:
    text = issuer("login.example.com/x", "discovery: true")

    assert_found(tmp_path, "bad_value", text)
    [fault] = faults(tmp_path, text.replace("¦", ""))
    assert "write `issuer: https://login.example.com/x`" in fault.message


def test_a_value_of_the_environment_is_not_taken_apart(tmp_path: Path) -> None:
    text = issuer("https://${PLACE}/jwks").replace("¦", "")
    outcome = outcome_of(tmp_path, text, {"PLACE": "cellar"})

    assert isinstance(outcome, Rejected)
    assert all("cellar" not in fault.message for fault in outcome.faults)
