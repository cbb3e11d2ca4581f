"""Keep the keys of one issuer fresh, and fetch again if a token needs a newer key."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Self

from gateway.decision.keys import Key, KeySet
from gateway.fetching import schedule
from gateway.fetching.clock import Clock
from gateway.fetching.document import FetchFailed
from gateway.fetching.refreshed import Refreshed
from gateway.fetching.shown_url import show_url
from gateway.keyring.describe import describe_alike, describe_keys
from gateway.keyring.jwk import ParsedSet
from gateway.keyring.local_source import is_local
from gateway.keyring.public_key import key_octets
from gateway.keyring.status import IssuerStatus
from gateway.keyring.unknown_kids import UnknownKids, may_ask_for_kid
from gateway.settings.values.configuration import IssuerSettings, SourceKind

_log = logging.getLogger(__name__)

# Of a set without a usable key.
_SHOWN_REASONS = 3

# A bundle that asks for more is read as often as this.
_LEAST_HINT_SECONDS = 10.0

ReadKeys = Callable[[IssuerSettings], Awaitable[ParsedSet]]


class IssuerKeys(Refreshed[KeySet]):
    """The keys of one issuer, refreshed on schedule, and earlier if a token needs a new key."""

    owner = "issuer"
    content = "keys"

    def __init__(
        self,
        settings: IssuerSettings,
        live: dict[str, KeySet],
        clock: Clock,
        read: ReadKeys,
    ) -> None:
        super().__init__(settings.issuer.name, live, settings.times, clock)
        self.settings = settings
        self._unknown_kids = UnknownKids(settings.times.unknown_kid_cooldown_seconds, clock.now)
        self._read_keys = read
        self._asked_at: float | None = None  # when an unknown `kid` last caused a fetch
        self._unusable: tuple[str, ...] = ()
        self._alike: str | None = None  # the last warning about keys that share a `kid`
        self._hint_seconds: float | None = None  # of a SPIFFE bundle: when to read it again
        self._sequence: int | None = None
        self._was_loaded = False  # with a key for one of the issuer's algorithms

    @property
    def is_file(self) -> bool:
        """Return whether the keys are in a local file."""
        return self.settings.source.kind in {SourceKind.JWKS_FILE, SourceKind.PEM_FILE}

    @property
    def _is_fixed(self) -> bool:
        """Return whether the keys never change."""
        return self.settings.source.is_secret

    def is_same_source(self, other: Self) -> bool:
        """Return whether *other* fetches the same keys."""
        ours, theirs = self.settings.issuer, other.settings.issuer
        patterns = [one.tenants.patterns if one.tenants else () for one in (ours, theirs)]
        return (
            self.settings.source == other.settings.source
            and ours.issuer == theirs.issuer
            and patterns[0] == patterns[1]
        )

    def _inherit(self, former: Self) -> None:
        super()._inherit(former)
        self._was_loaded = self._was_loaded or self._count_fitting(self._held) > 0
        self._asked_at = former._asked_at
        self._unusable = former._unusable
        self._alike = former._alike
        self._hint_seconds = former._hint_seconds
        self._sequence = former._sequence

    async def ask(self, kid: str | None) -> None:
        """Fetch because a request needs *kid* (None: any key), unless that is pointless.

        Joins a fetch in flight. Starts one at most once per cooldown for unknown `kid`s
        (CVE-2026-48524), and after failures only as the backoff allows.
        """
        if self._is_fixed:
            return
        if self._fetch_task is None and not self._may_ask(kid):
            return
        await self.load()
        if kid is not None and self._last_error is None and not self._has(kid):
            self._unknown_kids.add(kid)

    async def keep(self) -> None:
        """Refresh ahead of time and drop keys that are too old, until cancelled."""
        if not self._is_fixed:
            await super().keep()

    def status(self) -> IssuerStatus:
        """Return the current state of these keys."""
        times, is_fixed, source = self._times, self._is_fixed, self.settings.source
        age_seconds = None if is_fixed else self._age_seconds()
        return IssuerStatus(
            name=self._name,
            source=source.kind,
            loaded=self.is_loaded(),
            was_loaded=self._was_loaded,
            stale=self.is_loaded() and (age_seconds or 0.0) > times.fresh_seconds,
            kids=self._kids(),
            fitting_keys=self._count_fitting(self._live.get(self._name)),
            age_seconds=age_seconds,
            age_limit_seconds=None if is_fixed else times.fresh_seconds + times.stale_seconds,
            fetches=self._fetches,
            failures=self._failures,
            failures_in_a_row=self._state.failures,
            last_error=self._last_error,
            next_refresh_in_seconds=None if is_fixed else self._next_refresh_in_seconds(),
            unusable=self._unusable,
            location=self._where,
            proxy=None if source.proxy is None else source.proxy.url,
            is_insecure=source.is_insecure,
        )

    def describe(self) -> str:
        """Return in one line which keys are held, their age, and the last error."""
        age_seconds = None if self._is_fixed else self._age_seconds()
        whole_seconds = None if age_seconds is None else int(age_seconds)
        return describe_keys(self._kids(), whole_seconds, self._last_error)

    def _kids(self) -> tuple[str | None, ...]:
        key_set = self._live.get(self._name)
        return tuple(key.kid for key in key_set.keys) if key_set else ()

    def _has(self, kid: str) -> bool:
        key_set = self._live.get(self._name)
        return key_set is not None and any(key.kid == kid for key in key_set.keys)

    def _may_ask(self, kid: str | None) -> bool:
        now = self._clock.now()
        if self._name not in self._live:
            return schedule.may_try(self._state, now)
        if kid is None or self._has(kid) or kid in self._unknown_kids:
            return False
        if not may_ask_for_kid(self._asked_at, self.settings.times, now):
            return False
        self._asked_at = now
        return True

    async def _read(self) -> KeySet:
        parsed = await self._read_keys(self.settings)
        self._note_unusable(parsed.unusable)
        self._note_alike(parsed.keys)
        if not parsed.keys and self.settings.issuer.trust_domain is None:
            raise FetchFailed(self._describe_none(parsed.unusable))
        self._note_bundle(parsed)
        return KeySet(parsed.keys)

    @property
    def _where(self) -> str:
        """Return the URL or file of the source, without what a URL may hold of secrets."""
        source = self.settings.source
        return source.location if is_local(source) else show_url(source.location)

    def _note_bundle(self, parsed: ParsedSet) -> None:
        """Keep what a SPIFFE bundle says of itself, and log what is odd about it."""
        former, self._sequence = self._sequence, parsed.sequence
        self._hint_seconds = parsed.refresh_seconds
        if former is not None and parsed.sequence is not None and parsed.sequence < former:
            _log.warning(
                "issuer %s: its bundle went back from sequence %d to %d: an outdated copy",
                self._name, former, parsed.sequence,
            )  # fmt: skip
        was_empty = self._held is not None and not self._held.keys
        if not parsed.keys and not was_empty:
            # Trust Domain and Bundle §4.1.3: an empty bundle revokes all keys before it.
            _log.warning("issuer %s: %s", self._name, self._describe_none(parsed.unusable))

    def _refresh_at(self) -> float:
        times, hint_seconds = self._times, self._hint_seconds
        if hint_seconds is not None and hint_seconds < times.fresh_seconds:
            times = replace(times, fresh_seconds=max(hint_seconds, _LEAST_HINT_SECONDS))
        return schedule.refresh_at(self._state, times, self.head_start)

    def _describe_none(self, unusable: tuple[str, ...]) -> str:
        reasons = "; ".join(unusable[:_SHOWN_REASONS])
        return f"{self._where}: no usable key in the set" + (f" ({reasons})" if reasons else "")

    def _note_unusable(self, unusable: tuple[str, ...]) -> None:
        if unusable and unusable != self._unusable:
            shown = "; ".join(unusable[:5])
            _log.warning("issuer %s: %d unusable keys: %s", self._name, len(unusable), shown)
        self._unusable = unusable

    def _accept(self, document: KeySet) -> None:
        super()._accept(document)
        self._was_loaded = self._was_loaded or self._count_fitting(document) > 0

    def _count_fitting(self, key_set: KeySet | None) -> int:
        """Return how many keys of *key_set* serve one of the issuer's algorithms."""
        allowed = self.settings.issuer.algorithms
        return sum(bool(key.algorithms & allowed) for key in key_set.keys) if key_set else 0

    def _note_alike(self, keys: tuple[Key, ...]) -> None:
        alike = describe_alike(keys, self.settings.issuer.algorithms)
        if alike is not None and alike != self._alike:
            _log.warning(
                "issuer %s: keys share a kid, and each is tried for a token: %s", self._name, alike
            )
        self._alike = alike

    def _is_same(self, held: KeySet, fetched: KeySet) -> bool:
        return _content(held.keys) == _content(fetched.keys)

    def _size(self, document: KeySet) -> int:
        return len(document.keys)


def _content(keys: tuple[Key, ...]) -> list[tuple[str | None, frozenset[str], bytes]]:
    return [(key.kid, key.algorithms, key_octets(key.material)) for key in keys]
