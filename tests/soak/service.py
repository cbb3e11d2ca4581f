"""A raw service in a process of its own: it does what each request's target orders.

Every answer carries the nonce of its request. What it got is written to a file at once, so that
it is known after a crash too: ``seen NONCE`` for each head, ``fault …`` for what must not be.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
from functools import partial
from typing import cast

import uvloop

from tests.proxy.wire import Cut, Wire
from tests.soak.long_wire import LongWire
from tests.soak.turn import Turn


class RawService:
    """Takes connections on a port; *notes* is a file descriptor to write to."""

    def __init__(self, port: int, notes: int) -> None:
        self._port = port
        self._notes = notes
        self._server: asyncio.Server | None = None
        self._wires: set[LongWire] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Take connections, at the port of before."""
        if self._server is None:
            # The port is held by whoever started this, who does not listen on it.
            self._server = await asyncio.get_running_loop().create_server(
                lambda: LongWire(self._take), "127.0.0.1", self._port, reuse_port=True
            )

    def refuse(self) -> None:
        """Take no more connections; those that stand go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def reset_all(self) -> None:
        """Reset every connection."""
        for wire in tuple(self._wires):
            wire.reset()

    def note(self, text: str) -> None:
        """Write *text* down; one write, so that lines of several processes stay whole."""
        os.write(self._notes, text.encode() + b"\n")

    def _take(self, connection: Wire) -> None:
        wire = cast(LongWire, connection)
        raw = wire.transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._wires.add(wire)
        task = asyncio.get_running_loop().create_task(self._serve(wire))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, wire: LongWire) -> None:
        try:
            while await Turn(self.note, wire).serve():
                pass
        except Cut:
            pass  # the gateway gave up, which it may
        except Exception as error:  # whatever it is, the run must fail by it
            self.note(f"fault {error!r}")
        finally:
            self._wires.discard(wire)
            wire.close()


async def _serve(port: int, notes: int) -> None:
    service = RawService(port, notes)
    await service.listen()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGUSR1, service.refuse)
    loop.add_signal_handler(signal.SIGHUP, service.reset_all)
    starting: set[asyncio.Task[None]] = set()
    again = partial(_start, service, starting)
    loop.add_signal_handler(signal.SIGUSR2, again)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await ended.wait()


def _start(service: RawService, starting: set[asyncio.Task[None]]) -> None:
    task = asyncio.get_running_loop().create_task(service.listen())
    starting.add(task)
    task.add_done_callback(starting.discard)


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--notes", required=True)
    arguments = parser.parse_args()
    notes = os.open(arguments.notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    uvloop.run(_serve(arguments.port, notes))


if __name__ == "__main__":
    main()
