"""Hide that aiohttp serves: its version tells an attacker which exploits to try."""

import asyncio
from typing import Any

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter


def hide_software(runner: web.AppRunner) -> None:
    """Leave `Server` out of all responses of *runner*, which is set up (RFC 9110 §10.2.4).

    That includes those that aiohttp sends to malformed requests, which no application sees.
    """
    server = runner.server
    if server is None:
        raise RuntimeError("the runner is not set up")
    make_request = server.request_factory

    def make_nameless(
        message: Any,
        payload: Any,
        protocol: Any,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        write_headers = writer.write_headers

        async def write_nameless(status_line: str, headers: Any) -> None:
            headers.popall(hdrs.SERVER, None)
            await write_headers(status_line, headers)

        writer.write_headers = write_nameless  # type: ignore[method-assign]
        return make_request(message, payload, protocol, writer, task)

    server.request_factory = make_nameless
