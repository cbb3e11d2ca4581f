"""Issuers that are trusted more than they need be are found."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, doubts, warnings
from tests.settings.configs import SECRET, config, one_issuer


def issuer(rest: str, name: str = "main", audiences: str = "[orders]") -> str:
    url = f"https://{name}.example.com/"
    return f"  {name}: {{issuer: '{url}', audiences: {audiences}, {rest}}}\n"


def issuers(*lines: str) -> str:
    return config(issuers="issuers:\n" + "".join(lines))


def test_an_issuer_that_signs_with_a_secret_is_doubtful(tmp_path: Path) -> None:
    assert_warned(tmp_path, "symmetric_algorithm", issuers(issuer("¦secret_env: SECRET")))


@pytest.mark.parametrize(
    "source", ["jwks_url: 'https://keys.example.com/'", "jwks_file: k.json", "pem_file: k.json"]
)
def test_two_issuers_with_the_same_keys_are_doubtful(source: str, tmp_path: Path) -> None:
    """8725.5: a key belongs to the issuer of the token."""
    (tmp_path / "k.json").write_text("{}")
    text = issuers(issuer(source), issuer(f"¦{source}", "partner"))

    assert_warned(tmp_path, "shared_keys", text)


def test_secrets_are_the_same_whatever_holds_them(tmp_path: Path) -> None:
    two = issuers(issuer("secret_env: SECRET"), issuer("secret_env: OTHER", "partner"))
    found = doubts(tmp_path, two, {"SECRET": SECRET, "OTHER": SECRET})

    assert [fault.code.value for fault in found.warnings].count("shared_keys") == 1


def test_keys_of_their_own_are_no_doubt(tmp_path: Path) -> None:
    two = issuers(issuer("discovery: true"), issuer("discovery: true", "partner"))

    assert warnings(tmp_path, two) == ()


@pytest.mark.parametrize(
    ("code", "rest"),
    [
        ("long_leeway", "leeway: ¦61s"),
        ("long_leeway", "leeway: ¦5m"),
        ("", "leeway: 60s"),
        ("", "leeway: 0s"),
        ("long_key_life", "keys: {fresh: ¦25h}"),
        ("long_key_life", "keys: {fresh: 24h, stale: ¦48h}"),
        ("", "keys: {fresh: 24h, stale: 24h}"),
        ("short_cooldown", "keys: {unknown_kid_cooldown: ¦999ms}"),
        ("", "keys: {unknown_kid_cooldown: 1s}"),
    ],
)
def test_times_that_let_too_much_through_are_doubtful(code: str, rest: str, tmp_path: Path) -> None:
    """7519.7: leeway is for clocks, and clocks are not minutes off."""
    text = one_issuer(f"{{issuer: 'https://a.example/', discovery: true, audiences: [a], {rest}}}")

    assert_warned(tmp_path, code, text)


def test_the_message_says_for_how_long(tmp_path: Path) -> None:
    text = one_issuer(
        "{issuer: 'https://a.example/', discovery: true, audiences: [a], leeway: 90s,"
        " keys: {fresh: 36h, stale: 48h, unknown_kid_cooldown: 100ms}}"
    )

    assert {fault.message for fault in warnings(tmp_path, text)} == {
        "tokens are accepted for 90 s after they expire",
        "a withdrawn key stays accepted for 36 h",
        "a withdrawn key stays accepted for 48 h while the issuer is unreachable",
        "tokens with made-up key ids make the gateway query the issuer every 0.1 s",
    }
