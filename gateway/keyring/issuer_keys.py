"""Keep the keys of one issuer: fetched ahead, once at a time, never lost to a failure."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from cachetools import TTLCache
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.decision.keys import Key, KeySet
from gateway.keyring import schedule
from gateway.keyring.clock import Clock
from gateway.keyring.fetch import FetchFailed
from gateway.keyring.jwk import ParsedSet
from gateway.keyring.schedule import Schedule
from gateway.keyring.status import IssuerStatus
from gateway.settings.values import IssuerSettings, SourceKind

_log = logging.getLogger(__name__)

# A `kid` the issuer did not have is not asked for again before the cooldown is over.
UNKNOWN_KIDS_REMEMBERED = 1024

ReadKeys = Callable[[IssuerSettings], Awaitable[ParsedSet]]


class IssuerKeys:
    """The keys of one issuer, and everything that happened to them.

    *live* is shared with the decision; the entry of this issuer is replaced as a whole.
    """

    def __init__(
        self,
        settings: IssuerSettings,
        live: dict[str, KeySet],
        clock: Clock,
        read: ReadKeys,
    ) -> None:
        self.settings = settings
        self._name = settings.issuer.name
        self._live = live
        self._unknown_kids: TTLCache[str, None] = TTLCache(
            UNKNOWN_KIDS_REMEMBERED,
            ttl=settings.times.unknown_kid_cooldown_seconds,
            timer=clock.now,
        )
        self._clock = clock
        self._read = read
        self._state = Schedule()
        self._held: KeySet | None = None
        self._unusable: tuple[str, ...] = ()
        self._flight: asyncio.Task[None] | None = None
        self._fetches = 0
        self._failures = 0
        self._last_error: str | None = None

    def is_same_source(self, other: "IssuerKeys") -> bool:
        """Say whether *other* would fetch the same keys."""
        return (
            self.settings.source == other.settings.source
            and self.settings.issuer.issuer == other.settings.issuer.issuer
        )

    def take_over(self, former: "IssuerKeys") -> None:
        """Go on with the keys of *former*, which had the same issuer and source."""
        self._state = former._state
        self._unusable = former._unusable
        self._held = former._held
        self._fetches = former._fetches
        self._failures = former._failures
        self._last_error = former._last_error
        if self._held is not None and self._is_usable():
            self._live[self._name] = self._held

    async def load(self) -> None:
        """Fetch once, or join the fetch that is under way; a failure is not an error here."""
        # Waiting, unlike awaiting, neither takes the fetch along when the caller goes away
        # (others wait for it too), nor the caller when the fetch is cancelled.
        await asyncio.wait({self._flight or self._take_off()})

    async def ask(self, kid: str | None) -> None:
        """Fetch because a request needs *kid* (any key, if None), unless that is pointless.

        Joins a fetch under way. Starts one at most once per cooldown for unknown `kid`s
        (CVE-2026-48524), and after failures only as the backoff allows.
        """
        if self.settings.source.kind is SourceKind.SECRET:
            return
        if self._flight is None and not self._may_ask(kid):
            return
        await self.load()
        if kid is not None and self._last_error is None and not self._has(kid):
            self._unknown_kids[kid] = None

    async def keep(self) -> None:
        """Refresh ahead and drop what is too old, until cancelled."""
        while self.settings.source.kind is not SourceKind.SECRET:
            self._drop_if_too_old()
            if self._flight is None and self._clock.now() >= self._refresh_at():
                self._take_off()
            await self._wait()

    async def land(self) -> None:
        """Wait for the fetch under way, if any, whatever comes of it."""
        if self._flight is not None:
            await asyncio.wait({self._flight})

    async def close(self) -> None:
        """End the fetch under way, if any."""
        if self._flight is not None:
            self._flight.cancel()
            await asyncio.gather(self._flight, return_exceptions=True)
            self._flight = None

    @property
    def is_file(self) -> bool:
        """Say whether the keys lie on this machine."""
        return self.settings.source.kind in {SourceKind.JWKS_FILE, SourceKind.PEM_FILE}

    def is_loaded(self) -> bool:
        """Say whether keys are in use."""
        return self._name in self._live

    def status(self) -> IssuerStatus:
        """Return what there is to say about these keys now."""
        now = self._clock.now()
        fixed = self.settings.source.kind is SourceKind.SECRET
        loaded_at = self._state.loaded_at
        key_set = self._live.get(self._name)
        return IssuerStatus(
            name=self._name,
            source=self.settings.source.kind,
            loaded=key_set is not None,
            kids=tuple(key.kid for key in key_set.keys) if key_set else (),
            age_seconds=None if fixed or loaded_at is None else now - loaded_at,
            fetches=self._fetches,
            failures=self._failures,
            last_error=self._last_error,
            next_refresh_in_seconds=None if fixed else max(0.0, self._refresh_at() - now),
            unusable=self._unusable,
        )

    def _refresh_at(self) -> float:
        return schedule.refresh_at(self._state, self.settings.times)

    def _is_usable(self) -> bool:
        return schedule.is_usable(self._state, self.settings.times, self._clock.now())

    def _has(self, kid: str) -> bool:
        key_set = self._live.get(self._name)
        return key_set is not None and any(key.kid == kid for key in key_set.keys)

    def _may_ask(self, kid: str | None) -> bool:
        now = self._clock.now()
        if self._name not in self._live:
            return schedule.may_ask_for_keys(self._state, now)
        if kid is None or self._has(kid) or kid in self._unknown_kids:
            return False
        if not schedule.may_ask_for_kid(self._state, self.settings.times, now):
            return False
        self._state = schedule.after_unknown_kid(self._state, now)
        return True

    async def _wait(self) -> None:
        """Wait for the fetch under way, the next refresh or the end of the keys."""
        moments = [] if self._flight else [self._refresh_at()]
        if self.is_loaded():
            moments.append(schedule.expires_at(self._state, self.settings.times) or 0.0)
        waits: set[asyncio.Future[None]] = {self._flight} if self._flight else set()
        timer: asyncio.Task[None] | None = None
        if moments:
            seconds = max(0.0, min(moments) - self._clock.now())
            timer = asyncio.create_task(self._sleep(seconds), name=f"timer of {self._name}")
            waits.add(timer)
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if timer is not None:
                timer.cancel()

    async def _sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def _drop_if_too_old(self) -> None:
        if self.is_loaded() and not self._is_usable():
            del self._live[self._name]
            _log.error("issuer %s: keys are too old and no longer used", self._name)

    def _take_off(self) -> asyncio.Task[None]:
        self._flight = asyncio.create_task(self._fetch(), name=f"keys of {self._name}")
        return self._flight

    async def _fetch(self) -> None:
        self._fetches += 1
        try:
            parsed = await self._read(self.settings)
            self._note_unusable(parsed.unusable)
            if not parsed.keys:
                raise FetchFailed("no usable key in the set")
        except FetchFailed as failure:
            self._fail(str(failure))
        except Exception:
            # A fault of ours in reading a strange key must not end the refreshing for good.
            _log.exception("issuer %s: keys could not be read", self._name)
            self._fail("keys could not be read")
        else:
            self._accept(parsed)
        finally:
            self._flight = None

    def _fail(self, words: str) -> None:
        """Write the failure down; the keys in hand stay (GHSA-fhv5-28vv-h8m8)."""
        self._state = schedule.after_failure(self._state, self._clock.now())
        self._failures += 1
        if words != self._last_error:
            _log.warning("issuer %s: keys not fetched: %s", self._name, words)
        self._last_error = words

    def _accept(self, parsed: ParsedSet) -> None:
        self._state = schedule.after_success(self._state, self._clock.now())
        self._last_error = None
        # The same keys stay the same object: what is remembered by key set stays valid.
        if self._held is None or _content(self._held.keys) != _content(parsed.keys):
            self._held = KeySet(parsed.keys)
            _log.info("issuer %s: %d keys in use", self._name, len(parsed.keys))
        self._live[self._name] = self._held

    def _note_unusable(self, unusable: tuple[str, ...]) -> None:
        if unusable and unusable != self._unusable:
            shown = "; ".join(unusable[:5])
            _log.warning("issuer %s: %d unusable keys: %s", self._name, len(unusable), shown)
        self._unusable = unusable


def _content(keys: tuple[Key, ...]) -> list[tuple[str | None, frozenset[str], bytes]]:
    return [(key.kid, key.algorithms, _octets(key.material)) for key in keys]


def _octets(material: object) -> bytes:
    if isinstance(material, bytes):
        return material
    # Every public key of the library has this method, but no type in common says so.
    return bytes(material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))  # type: ignore[attr-defined]
