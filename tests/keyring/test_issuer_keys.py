"""What one issuer's keys do when a source behaves as no real one should."""

import logging
from dataclasses import replace

import pytest

from gateway.decision.keys import KeySet
from gateway.decision.tenants import Tenants
from gateway.keyring.issuer_keys import IssuerKeys
from gateway.keyring.jwk import ParsedSet, parse_jwks
from gateway.keyring.local_source import secret_keys
from gateway.settings.values.configuration import IssuerSettings, SourceKind
from tests.keyring.keys import P256_KEYS, ec_jwk, jwks
from tests.keyring.peers import MovableClock, issuer_settings

SETTINGS = issuer_settings(SourceKind.JWKS_URL, "https://keys.example/jwks")


class Source:
    """A source that gives what it is told to, or breaks."""

    def __init__(self, parsed: ParsedSet) -> None:
        self.parsed = parsed
        self.is_broken = False

    async def read(self, _settings: IssuerSettings) -> ParsedSet:
        if self.is_broken:
            raise ZeroDivisionError("a fault of ours")
        return self.parsed


def test_keys_are_kept_only_while_they_may_sign_for_the_same_tenants(clock: MovableClock) -> None:
    """Which published keys are usable depends on the patterns."""

    def keys(*patterns: str) -> IssuerKeys:
        tenants = Tenants(("tid",), frozenset({"contoso"}), patterns) if patterns else None
        settings = replace(SETTINGS, issuer=replace(SETTINGS.issuer, tenants=tenants))
        return IssuerKeys(settings, {}, clock, Source(ParsedSet((), ())).read)

    one, two = "https://a.example/{tenantid}/v2.0", "https://b.example/{tenantid}/"
    assert keys().is_same_source(keys())
    assert keys(one).is_same_source(keys(one))
    assert not keys(one).is_same_source(keys(one, two))
    assert not keys(one).is_same_source(keys())


async def test_a_fault_of_ours_is_a_failed_fetch_and_not_the_end(
    clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise one strange key would stop all refreshing, unseen until the keys are too old."""
    parsed = parse_jwks(jwks(ec_jwk(kid="a")))
    assert isinstance(parsed, ParsedSet)
    source, live = Source(parsed), dict[str, KeySet]()
    keys = IssuerKeys(SETTINGS, live, clock, source.read)
    await keys.load()
    before = live["main"]
    source.is_broken = True

    with caplog.at_level(logging.ERROR):
        await keys.load()

    assert live["main"] is before
    assert keys.status().last_error == "keys could not be read"
    source.is_broken = False
    await keys.load()
    assert keys.status().last_error is None


FETCH_SECONDS = 5.0


def key_set(*kids: str) -> ParsedSet:
    parsed = parse_jwks(jwks(*(ec_jwk(kid=kid) for kid in kids)))
    assert isinstance(parsed, ParsedSet)
    return parsed


class SlowSource(Source):
    """A source that takes its time."""

    def __init__(self, parsed: ParsedSet, clock: MovableClock) -> None:
        super().__init__(parsed)
        self._clock = clock

    async def read(self, settings: IssuerSettings) -> ParsedSet:
        self._clock.advance(FETCH_SECONDS)
        return await super().read(settings)


async def test_a_kid_is_not_called_unknown_by_a_fetch_that_failed(clock: MovableClock) -> None:
    """Nothing says that the issuer does not have it: it is fetched as soon as the cooldown ends."""
    source, live = SlowSource(key_set("a"), clock), dict[str, KeySet]()
    keys = IssuerKeys(SETTINGS, live, clock, source.read)
    await keys.load()
    source.is_broken = True
    await keys.ask("b")
    source.is_broken, source.parsed = False, key_set("a", "b")
    clock.advance(SETTINGS.times.unknown_kid_cooldown_seconds - FETCH_SECONDS)

    await keys.ask("b")

    assert keys.status().kids == ("a", "b")


async def test_a_kid_that_was_found_and_withdrawn_is_asked_for_again(clock: MovableClock) -> None:
    source, live = SlowSource(key_set("a"), clock), dict[str, KeySet]()
    keys = IssuerKeys(SETTINGS, live, clock, source.read)
    await keys.load()
    source.parsed = key_set("a", "b")
    await keys.ask("b")
    source.parsed = key_set("a")
    await keys.load()
    source.parsed = key_set("a", "b")
    clock.advance(SETTINGS.times.unknown_kid_cooldown_seconds - 2 * FETCH_SECONDS)

    await keys.ask("b")

    assert keys.status().kids == ("a", "b")


async def test_a_secret_loaded_again_is_the_same_object(clock: MovableClock) -> None:
    settings = issuer_settings(SourceKind.SECRET, "SIGNING_SECRET", secret=b"s" * 32)
    live: dict[str, KeySet] = {}
    keys = IssuerKeys(settings, live, clock, Source(secret_keys(b"s" * 32)).read)
    await keys.load()
    before = live["main"]

    await keys.load()

    assert live["main"] is before


async def test_closing_without_a_fetch_under_way_does_nothing(clock: MovableClock) -> None:
    keys = IssuerKeys(SETTINGS, {}, clock, Source(ParsedSet((), ())).read)

    await keys.close()

    assert keys.status().fetches == 0


async def test_keys_that_share_a_name_are_warned_of_once_for_each_set(
    clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Each token of theirs costs several checks; the issuer should give each a name of its own."""
    twins = parse_jwks(jwks(ec_jwk(kid="a"), ec_jwk(P256_KEYS[1], kid="a"), ec_jwk(kid="b")))
    single = parse_jwks(jwks(ec_jwk(kid="a"), ec_jwk(kid="b")))
    assert isinstance(twins, ParsedSet)
    assert isinstance(single, ParsedSet)
    source = Source(twins)
    keys = IssuerKeys(SETTINGS, {}, clock, source.read)

    for parsed in (twins, twins, single, single, twins):
        source.parsed = parsed
        await keys.load()

    told = [record.getMessage() for record in caplog.records if "share" in record.getMessage()]
    assert told == 2 * [
        "issuer main: keys share a kid, and each is tried for a token: 2 keys 'a' for ES256"
    ]


async def test_keys_that_share_a_name_are_not_warned_of_again_by_a_reload(
    clock: MovableClock, caplog: pytest.LogCaptureFixture
) -> None:
    twins = parse_jwks(jwks(ec_jwk(kid="a"), ec_jwk(P256_KEYS[1], kid="a")))
    assert isinstance(twins, ParsedSet)
    source = Source(twins)
    former = IssuerKeys(SETTINGS, {}, clock, source.read)
    await former.load()
    keys = IssuerKeys(SETTINGS, {}, clock, source.read)

    keys.take_over(former)
    await keys.load()

    told = [record for record in caplog.records if "share" in record.getMessage()]
    assert len(told) == 1
