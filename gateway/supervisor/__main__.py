"""Run one worker process: ``python -m gateway.supervisor DESCRIPTOR``."""

import asyncio
import os
import signal
import socket
import sys

import uvloop

from gateway.supervisor.worker import Worker
from gateway.telemetry.logs.diagnostics import AS_JSON, divert_stderr, leave
from gateway.telemetry.logs.unexpected_errors import UnexpectedErrors


def main() -> None:
    """Serve on behalf of the supervisor, which holds the other end of the socket DESCRIPTOR."""
    divert_stderr(as_json=AS_JSON in os.environ)
    # Signals are for the supervisor, which drains, stops and reloads its workers.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    uvloop.run(_work(socket.socket(fileno=int(sys.argv[1]))))
    leave(0)


async def _work(supervisor: socket.socket) -> None:
    asyncio.get_running_loop().set_exception_handler(UnexpectedErrors())
    reader, writer = await asyncio.open_unix_connection(sock=supervisor)
    await Worker(reader, writer).run()


if __name__ == "__main__":
    main()
