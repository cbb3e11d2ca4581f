"""Clients that send requests without a pause, and hold every answer against the two policies."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import count

from tests.soak.reloads.policies import Kind
from tests.soak.reloads.service import length_of

_PATIENCE_SECONDS = 20.0
# A connection is taken by a new policy, and so is one that is new.
_REQUESTS_OF_A_CONNECTION = 50


class Moment:
    """Which policy is live for certain: none, while a reload is under way."""

    def __init__(self, live: str) -> None:
        self.live: str | None = live
        self.number = 0

    def change(self, live: str | None) -> None:
        """Begin another moment."""
        self.live = live
        self.number += 1


class Callers:
    """All clients; *faults* is what must not be, *answers* counts by policy and status."""

    def __init__(self, address: tuple[str, int], kinds: Sequence[Kind], moment: Moment) -> None:
        self._address = address
        self._kinds = kinds
        self._moment = moment
        self.faults: list[str] = []
        self.answers: Counter[tuple[str, int]] = Counter()
        self.is_over = False

    def by(self, policy: str) -> int:
        """Return how many answers were by *policy*."""
        return sum(number for (one, _), number in self.answers.items() if one == policy)

    async def run(self, caller: int) -> None:
        """Be one client until all is over."""
        for connection in count():
            if self.is_over or self.faults:
                return
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._talk(f"{caller}.{connection}")
            except (OSError, EOFError, TimeoutError) as error:
                self.faults.append(f"connection {caller}.{connection}: {error!r}")

    async def _talk(self, name: str) -> None:
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            for number in range(_REQUESTS_OF_A_CONNECTION):
                if self.is_over:
                    return
                kind = self._kinds[number % len(self._kinds)]
                await self._ask(reader, writer, kind, f"{name}.{number}")
        finally:
            writer.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: Kind, number: str
    ) -> None:
        live, moment = self._moment.live, self._moment.number
        writer.write(kind.request(number))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(length_of(head))
        status = int(head[9:12])
        policy = kind.policy_of(number, status, head, body)
        if policy is None:
            self.faults.append(f"request {number}: {status} {body[:300]!r} is by no policy")
            return
        self.answers[policy, status] += 1
        # Live before it was sent, and after it was answered: by no other one, then.
        if live is not None and moment == self._moment.number and policy != live:
            self.faults.append(f"request {number} was answered by {policy}, while {live} was live")
