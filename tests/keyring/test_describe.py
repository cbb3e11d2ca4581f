"""What is said of the keys at hand where a token lacks its own: enough to act on, in one line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.keys import Key
from gateway.decision.verdict import WantedKey
from gateway.keyring.describe import describe_alike, describe_keys, describe_unfit
from gateway.keyring.keyring import Keyring
from gateway.settings.values.configuration import SourceKind
from tests.keyring.keys import P256_KEYS, ec_jwk, jwks
from tests.keyring.peers import IssuerPeer, MovableClock, body, issuer_settings


@pytest.mark.parametrize(
    ("kids", "age_seconds", "last_error", "text"),
    [
        (("a",), 0, None, "keys held: 'a'; fetched 0 s ago"),
        (("a", None), 40, None, "keys held: 'a', (no kid); fetched 40 s ago"),
        ((None,), None, None, "keys held: (no kid)"),
        ((), None, "http://x/: answered 500", "no keys held; last error: http://x/: answered 500"),
        ((), 4000, "x", "no keys held; fetched 4000 s ago; last error: x"),
        (("a\n",), 1, None, "keys held: (2 characters); fetched 1 s ago"),
    ],
)
def test_keys_their_age_and_the_last_error_are_told(
    kids: tuple[str | None, ...], age_seconds: int | None, last_error: str | None, text: str
) -> None:
    assert describe_keys(kids, age_seconds, last_error) == text


EC, ED, RSA = frozenset({"ES256"}), frozenset({"EdDSA", "Ed25519"}), frozenset({"RS256", "PS256"})
USED = frozenset({"ES256", "EdDSA", "RS256"})


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ([], None),
        ([("a", EC), ("b", EC)], None),
        ([("a", EC), ("a", RSA), (None, ED)], None),
        ([("a", EC), ("a", EC)], "2 keys 'a' for ES256"),
        ([("a", ED), ("a", ED)], "2 keys 'a' for EdDSA"),
        ([("a", frozenset({"ES384"})), ("a", frozenset({"ES384"}))], None),
        ([("a", RSA), ("a", frozenset({"PS256"}))], None),
        ([(None, EC), (None, EC), (None, EC)], "3 keys (no kid) for ES256"),
        (
            [("a", RSA), ("a", frozenset({"RS256"})), ("a\n", EC), ("a\n", EC)],
            "2 keys 'a' for RS256, 2 keys (2 characters) for ES256",
        ),
        ([(None, EC)] * 5, "5 keys (no kid) for ES256, of which the first 4 are tried"),
    ],
)
def test_keys_that_no_token_can_tell_apart_are_told_of(
    keys: list[tuple[str | None, frozenset[str]]], text: str | None
) -> None:
    found = describe_alike([Key(kid, algorithms, b"") for kid, algorithms in keys], USED)

    assert found == text


def test_of_many_groups_of_alike_keys_the_first_are_told_of() -> None:
    keys = [Key(str(number // 2), EC, b"") for number in range(100)]

    text = describe_alike(keys, USED)

    assert text is not None
    assert text.endswith(", 2 keys '4' for ES256 and 45 more")


@pytest.mark.parametrize(("count", "end"), [(10, "'9'"), (11, "'9' and 1 more"), (99, "89 more")])
def test_ten_of_the_key_ids_are_shown(count: int, end: str) -> None:
    assert describe_keys(tuple(map(str, range(count))), None, None).endswith(end)


@given(st.lists(st.text() | st.none(), max_size=100).map(tuple), st.text())
def test_whatever_an_issuer_names_its_keys_the_line_is_short(
    kids: tuple[str | None, ...], last_error: str
) -> None:
    told = describe_keys(kids, 1, last_error)

    assert len(told) < 10 * 132 + 400
    assert describe_keys(kids, 1, None).isprintable()


async def test_the_keyring_tells_of_one_issuer(peer: IssuerPeer, clock: MovableClock) -> None:
    keys = [ec_jwk(key, kid=kid) for key, kid in zip(P256_KEYS, "abc", strict=True)]
    peer.answer = body(jwks(*keys))
    settings = issuer_settings(SourceKind.JWKS_URL, peer.url + "/jwks")
    keyring = Keyring({"main": settings}, clock=clock)
    assert keyring.describe("main") == "no keys held"
    await keyring.start()
    clock.advance(12.7)
    assert keyring.describe("main") == "keys held: 'a', 'b', 'c'; fetched 12 s ago"

    peer.answer = body(b"", status=500)
    await keyring.refetch("main", "d")
    await keyring.close()

    assert keyring.describe("main") == (
        "keys held: 'a', 'b', 'c'; fetched 12 s ago; "
        f"last error: {peer.url}/jwks: status 500 instead of 200"
    )


async def test_a_secret_and_a_file_are_told_of_like_any_key(
    tmp_path: Path, clock: MovableClock
) -> None:
    file = tmp_path / "missing.json"
    keyring = Keyring(
        {
            "secret": issuer_settings(SourceKind.SECRET, "S", name="secret", secret=b"s" * 32),
            "file": issuer_settings(SourceKind.JWKS_FILE, str(file), name="file"),
        },
        clock=clock,
    )
    await keyring.start()
    await keyring.close()

    assert keyring.describe("secret") == "keys held: (no kid)"
    assert (
        keyring.describe("file") == f"no keys held; last error: {file}: No such file or directory"
    )


@pytest.mark.parametrize(
    ("kid", "shown"),
    [("k9", "'k9'"), (None, "(no kid)"), ("eyJhbGciOiJFUzI1NiJ9", "(20 characters)")],
)
def test_the_key_that_a_token_wanted_stands_before_those_held(kid: str | None, shown: str) -> None:
    """6750.10: a piece of a token is not told, wherever a client puts it."""
    told = Keyring({}).explain(WantedKey("main", kid, "ES256"))

    assert told == f"wanted from main: {shown} for ES256; no keys held"


@given(st.text())
def test_whatever_key_a_token_wants_the_line_is_short_and_plain(kid: str) -> None:
    told = Keyring({}).explain(WantedKey("main", kid, "ES256"))

    assert len(told) < 200
    assert told.isascii()
    assert told.isprintable()
    assert "eyJ" not in told


def test_an_issuer_that_a_reload_took_away_has_no_keys() -> None:
    assert Keyring({}).describe("gone") == "no keys held"


def test_keys_for_no_listed_algorithm_are_told_with_what_they_are_for() -> None:
    keys = [Key(None, frozenset({"RS256", "PS256"}), b""), Key("b", frozenset({"ES384"}), b"")]

    assert describe_unfit(keys, frozenset({"ES256", "EdDSA"})) == (
        "no key for the issuer's `algorithms` (ES256, EdDSA); those it has are for "
        "ES384, PS256, RS256"
    )
