"""Ask the issuers of one configuration about their tokens."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from aiohttp import ClientSession

from gateway.admission import Keys
from gateway.decision.tokens.introspected import TokenAnswer
from gateway.fetching.clock import Clock, SystemClock
from gateway.fetching.session import make_session
from gateway.introspection.asking import Asker, NoAnswer
from gateway.introspection.memory import AnswerMemory
from gateway.introspection.questions import Questions
from gateway.oauth.endpoints import LiveEndpoints
from gateway.oauth.introspection import TokenState
from gateway.oauth.metadata import Endpoints
from gateway.settings.values.configuration import IntrospectionSettings, IssuerSettings
from gateway.telemetry.metrics.introspection import IntrospectionMetrics


@dataclass(frozen=True, slots=True)
class IntrospectionStatus:
    """Whether the issuer *name* answers, for operators; *last_error* is None if it does."""

    name: str
    remembered: int
    last_error: str | None


class LiveIntrospection:
    """The questions about tokens to those of *issuers* that introspect.

    *keys* verify signed answers. *wall* returns seconds since the epoch; *clock* is monotonic.
    """

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        issuers: Iterable[IssuerSettings],
        keys: Keys,
        metrics: IntrospectionMetrics,
        *,
        clock: Clock | None = None,
        wall: Callable[[], float] = time.time,
        session_factory: Callable[[], ClientSession] = make_session,
    ) -> None:
        self.metrics = metrics
        self._keys = keys
        self._wall = wall
        self._clock = clock or SystemClock()
        self._session_factory = session_factory
        self._session: ClientSession | None = None
        self._settings: dict[str, IssuerSettings] = {}
        self._questions: dict[str, Questions] = {}
        for one in issuers:
            if one.introspection is not None:
                self._add(one, one.introspection)
        unknown = [one for one in self._settings.values() if _needs_metadata(one)]
        self.endpoints = LiveEndpoints(unknown, self._clock, session_factory)

    def _add(self, one: IssuerSettings, asked: IntrospectionSettings) -> None:
        name = one.issuer.name
        self.metrics.expect(name)
        asker = Asker(one, asked, self._keys, self._wall)
        self._settings[name] = one
        self._questions[name] = Questions(
            name,
            partial(self._ask_once, one, asker),
            AnswerMemory(asked.cache_seconds),
            self.metrics,
            timeout_seconds=asked.timeout_seconds,
            wall=self._wall,
            steady=self._clock.now,
        )

    async def ask(self, issuer_name: str, token: bytes) -> TokenAnswer | None:
        """Return what an issuer says about *token*; None if it says nothing that counts."""
        questions = self._questions.get(issuer_name)
        if questions is None or self._session is None:
            return None
        return await questions.ask(token)

    async def _ask_once(
        self, one: IssuerSettings, asker: Asker, token: bytes
    ) -> TokenState | NoAnswer:
        asked = one.introspection
        if asked is not None and asked.url is not None:
            endpoints: Endpoints | str = Endpoints(one.issuer.issuer, introspection=asked.url)
        else:
            endpoints = await self.endpoints.find(one.issuer.name)
        if isinstance(endpoints, str):
            return NoAnswer(endpoints, is_silent=True)
        if self._session is None:
            return NoAnswer("the gateway does not ask any more")
        return await asker.ask(self._session, endpoints, token)

    def status(self) -> list[IntrospectionStatus]:
        """Return the state of every issuer that introspects."""
        return [
            IntrospectionStatus(name, len(one.memory), one.last_error)
            for name, one in self._questions.items()
        ]

    # --- from the start to the end

    def take_over(self, former: "LiveIntrospection") -> None:
        """Take over what *former* remembers of issuers that are asked in the same way.

        The counts go on in any case.
        """
        expected, self.metrics.questions = self.metrics.questions, former.metrics.questions
        for key in expected:
            self.metrics.questions.setdefault(key, 0)
        for name, one in self._settings.items():
            other = former._settings.get(name)
            if other is not None and _is_same(one, other):
                self._questions[name].memory = former._questions[name].memory
        self.endpoints.take_over(former.endpoints)

    async def start(self, limit_seconds: float | None = None) -> None:
        """Find out where to ask; an issuer that does not say is asked again later."""
        self._session = self._session_factory()
        await self.endpoints.start(limit_seconds)

    async def retire(self) -> None:
        """Close after the questions in flight, which requests wait for."""
        try:
            await asyncio.gather(*(one.finish() for one in self._questions.values()))
        finally:
            await self.close()

    async def close(self) -> None:
        """Cancel all questions."""
        await asyncio.gather(*(one.close() for one in self._questions.values()))
        await self.endpoints.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _needs_metadata(one: IssuerSettings) -> bool:
    return one.introspection is not None and one.introspection.url is None


def _is_same(one: IssuerSettings, other: IssuerSettings) -> bool:
    """Return whether what *other* said is what *one* would say."""
    return (one.issuer.issuer, one.source, one.introspection) == (
        other.issuer.issuer,
        other.source,
        other.introspection,
    )
