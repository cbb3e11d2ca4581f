"""Have the keys and lists that the supervisor fetches, as a worker's decisions read them."""

import asyncio
import pickle
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from gateway.decision.keys import KeySet
from gateway.decision.revocation import RevocationList
from gateway.decision.verdict import WantedKey
from gateway.keyring.describe import describe_keys, describe_wanted
from gateway.supervisor.messages import KeysNews, ListNews, Refetch
from gateway.supervisor.peer import PeerGone, Refused
from gateway.supervisor.peer_circuit import PeerCircuit
from gateway.supervisor.portable_keys import unpack_keys


@dataclass(frozen=True, slots=True)
class _Told:
    """What was last told of an issuer's keys."""

    news: KeysNews
    kids: tuple[str | None, ...]


class Mirror:
    """What was fetched for the configuration *number*; *keys* and *lists* are always current."""

    def __init__(self, number: int, circuit: PeerCircuit) -> None:
        self._number = number
        self._circuit = circuit
        self._asking: dict[tuple[str, str | None], asyncio.Task[None]] = {}
        self._told: dict[str, _Told] = {}
        self._keys: dict[str, KeySet] = {}
        self._lists: dict[str, RevocationList] = {}
        self.keys: Mapping[str, KeySet] = self._keys
        self.lists: Mapping[str, RevocationList] = self._lists

    def hear_keys(self, news: KeysNews) -> None:
        """Take the keys of one issuer."""
        name, former = news.issuer_name, self._told.get(news.issuer_name)
        self._told[name] = _Told(news, tuple(key.kid for key in news.keys or ()))
        if news.keys is None:
            self._keys.pop(name, None)
        elif former is None or former.news.keys != news.keys:
            # Another object only for other keys: what is remembered of tokens goes by it.
            self._keys[name] = unpack_keys(news.keys)

    def hear_list(self, news: ListNews) -> None:
        """Take one revocation list."""
        if news.octets is None:
            self._lists.pop(news.name, None)
        else:
            # In one go, for that holds the interpreter in any thread: 25 ms for the largest.
            self._lists[news.name] = pickle.loads(news.octets)  # noqa: S301 - see Peer

    async def refetch(self, issuer_name: str, kid: str | None) -> None:
        """Have the supervisor get better keys, if allowed; whether it helped, *keys* tells.

        Requests that lack the same key ask once, together.
        """
        wanted = (issuer_name, kid)
        asking = self._asking.get(wanted)
        if asking is None:
            asking = asyncio.create_task(self._ask(Refetch(self._number, issuer_name, kid)))
            self._asking[wanted] = asking
            asking.add_done_callback(lambda _: self._asking.pop(wanted))
        # Waited for, not awaited: a client that leaves takes it from nobody else.
        await asyncio.wait({asking})

    async def _ask(self, question: Refetch) -> None:
        with suppress(PeerGone, Refused):
            await self._circuit.ask_patiently(question)

    def explain(self, wanted: WantedKey) -> str:
        """Return in one line which key a token *wanted*, and which there are."""
        return describe_wanted(wanted, self._describe(wanted.issuer_name))

    def _describe(self, issuer_name: str) -> str:
        told = self._told.get(issuer_name)
        if told is None:
            return describe_keys((), None, None)
        fetched_at = told.news.fetched_at
        age_seconds = None if fetched_at is None else int(time.monotonic() - fetched_at)
        return describe_keys(told.kids, age_seconds, told.news.last_error)
