"""A worker does what its supervisor asks, and switches to no other configuration."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.decision.keys import KeySet
from gateway.settings.text.disk import Record
from gateway.supervisor.child import Child, spawn
from gateway.supervisor.messages import (
    Commit,
    Configuration,
    Count,
    Discard,
    Find,
    KeysUpdate,
    ListUpdate,
    Prepare,
    Refetch,
    Start,
    Stop,
)
from gateway.supervisor.peer import Refused
from gateway.supervisor.portable_keys import pack_keys
from gateway.supervisor.sockets import Sockets
from tests.hanging import LIMIT_SECONDS
from tests.proxy.gateways import good_token
from tests.supervisor.pools import CLOSED, LET_THROUGH, OPEN, REFUSED, read
from tests.tokens import as_key, make_private

NO_KEYS = 503


class Supervisor:
    """Whoever leads the one worker of a test; *asked* is what the worker asked for."""

    def __init__(self, directory: Path, sockets: Sockets) -> None:
        self.directory = directory
        self.sockets = sockets
        self.asked: list[object] = []
        self.child: Child

    async def answer(self, question: Any) -> object:
        self.asked.append(question)
        return None

    def configuration(self, number: int, route: Any = OPEN, workers: int = 1) -> Configuration:
        _, record = read(self.directory, route)
        return Configuration(number, self.directory / "gateway.yaml", record, workers)

    async def start(self, number: int, route: Any = OPEN, index: int = 0, workers: int = 1) -> None:
        configuration = self.configuration(number, route, workers)
        await self.child.ask(Start(configuration, index, self.child.descriptors, b"gateway-1"))

    def tell_keys(self, number: int) -> None:
        keys = KeySet((as_key(make_private("ES256"), "k1"),))
        self.child.peer.notify(KeysUpdate(number, "main", pack_keys(keys), None, None))

    async def status(self, bearer: bytes | None = None) -> int:
        """Return the status of an answer, asked on a connection of its own."""
        reader, writer = await asyncio.open_connection(*self.sockets[0].getsockname())
        field = b"" if bearer is None else b"Authorization: Bearer " + bearer + b"\r\n"
        head = b"GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"
        writer.write(head + field + b"\r\n")
        async with asyncio.timeout(LIMIT_SECONDS):
            answer = await reader.read()
        writer.close()
        return int(answer.split(b" ", 2)[1])


@asynccontextmanager
async def led(directory: Path) -> AsyncIterator[Supervisor]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        one.setblocking(False)
        supervisor = Supervisor(directory, (one,))
        supervisor.child = await spawn(((one,),), supervisor.answer)
        try:
            yield supervisor
        finally:
            await supervisor.child.end()


async def test_it_serves_on_what_it_was_given_from_when_it_has_said_so(tmp_path: Path) -> None:
    async with led(tmp_path) as supervisor:
        with pytest.raises(Refused, match="does not serve yet"):
            await supervisor.child.ask(Find("a-1"))
        await supervisor.start(1, index=1, workers=3)

        assert await supervisor.status() == LET_THROUGH
        counts = await supervisor.child.ask(Count())
        assert counts.connections_total == 1
        assert counts.connections_limit == 3333  # of 10,000, for the second of three
        assert await supervisor.child.ask(Find("a-1")) is None
        with pytest.raises(Refused, match="unknown question: int"):
            await supervisor.child.ask(7)


async def test_it_judges_by_the_keys_it_was_told_and_asks_for_those_it_lacks(
    tmp_path: Path,
) -> None:
    async with led(tmp_path) as supervisor:
        await supervisor.start(4, CLOSED)
        assert await supervisor.status(good_token()) == NO_KEYS
        assert supervisor.asked == [Refetch(4, "main", None)]  # any key would be better than none

        supervisor.tell_keys(3)  # of one before: not its own
        supervisor.tell_keys(9)  # of one that may come
        assert await supervisor.status(good_token()) == NO_KEYS
        supervisor.tell_keys(4)
        assert await supervisor.status(good_token()) == LET_THROUGH


async def test_it_goes_on_with_what_it_prepared_and_with_nothing_else(tmp_path: Path) -> None:
    async with led(tmp_path) as supervisor:
        ask, notify = supervisor.child.ask, supervisor.child.peer.notify
        await supervisor.start(1)
        with pytest.raises(Refused, match="not prepared for it"):
            await ask(Commit(2))

        await ask(Prepare(supervisor.configuration(2, CLOSED)))
        notify(Discard(2))
        with pytest.raises(Refused, match="not prepared for it"):
            await ask(Commit(2))
        assert await supervisor.status() == LET_THROUGH

        late = asyncio.create_task(ask(Prepare(supervisor.configuration(3, CLOSED))))
        await asyncio.sleep(0)  # it is asked, and given up before there is an answer
        notify(Discard(3))
        await ask(Prepare(supervisor.configuration(4, OPEN)))
        await late
        await ask(Commit(4))
        assert await supervisor.status() == LET_THROUGH

        await ask(Prepare(supervisor.configuration(5, CLOSED)))
        notify(Discard(3))  # of another one, late
        supervisor.tell_keys(5)
        await ask(Commit(5))
        assert await supervisor.status() == REFUSED
        assert await supervisor.status(good_token()) == LET_THROUGH
        with pytest.raises(Refused, match="not prepared for it"):
            await ask(Commit(5))


async def test_what_it_cannot_read_is_refused_with_the_reason_and_changes_nothing(
    tmp_path: Path,
) -> None:
    async with led(tmp_path) as supervisor:
        await supervisor.start(1)
        path = tmp_path / "gateway.yaml"
        with pytest.raises(Refused, match=r"gateway\.yaml"):
            await supervisor.child.ask(Prepare(Configuration(2, path, Record(), 1)))

        whole = supervisor.configuration(3).record
        broken = {
            question: b"version: 1\n" if question[0] == "read" and answer else answer
            for question, answer in whole.answers.items()
        }
        with pytest.raises(Refused, match=r"gateway\.yaml:1"):
            await supervisor.child.ask(Prepare(Configuration(3, path, Record(broken), 1)))
        assert await supervisor.status() == LET_THROUGH


async def test_the_same_configuration_is_read_whatever_became_of_its_files(tmp_path: Path) -> None:
    async with led(tmp_path) as supervisor:
        configuration = supervisor.configuration(1)
        (tmp_path / "gateway.yaml").write_text("no: gateway")
        (tmp_path / "keys.json").unlink()
        start = Start(configuration, 0, supervisor.child.descriptors, b"gateway-1")
        await supervisor.child.ask(start)
        assert await supervisor.status() == LET_THROUGH


async def test_news_that_make_no_sense_do_not_end_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with led(tmp_path) as supervisor:
        await supervisor.start(1)
        supervisor.child.peer.notify("strange update")
        supervisor.child.peer.notify(ListUpdate(1, "blocked", b"no pickle"))
        # What is told before a question is heard before it; a client's request overtakes it.
        await supervisor.child.ask(Count())
        assert await supervisor.status() == LET_THROUGH
        supervisor.child.peer.notify(Stop())  # in order, so that what it logged is written
        assert await supervisor.child.wait() == "exit code 0"
    assert "TypeError: unknown notice: str" in capfd.readouterr().err


async def test_it_ends_when_it_is_told_to_and_when_nobody_is_there_to_tell_it(
    tmp_path: Path,
) -> None:
    async with led(tmp_path) as supervisor:
        await supervisor.start(1)
        os.kill(supervisor.child.pid, signal.SIGTERM)  # which is for the supervisor
        assert await supervisor.status() == LET_THROUGH
        supervisor.child.peer.notify(Stop())
        assert await supervisor.child.wait() == "exit code 0"

        supervisor.child = await spawn((supervisor.sockets,), supervisor.answer)
        await supervisor.start(1)
        supervisor.child.peer.close()
        assert await supervisor.child.wait() == "exit code 0"
