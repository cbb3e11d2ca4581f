"""Serve the admin port: probes, metrics, status."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.admin.answers import json_object, problem, text
from gateway.admin.guard import problems, require_token
from gateway.settings.values import Admin

# Answers here take milliseconds; what has not ended by then has lost its reader.
_STOP_SECONDS = 2.0

_log: Final = logging.getLogger(__name__)


def _without_input(record: logging.LogRecord) -> bool:
    # What the parser says of a broken request quotes it, and an Authorization field with it.
    record.exc_info = record.exc_text = None
    return True


_log.addFilter(_without_input)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Why no traffic should be sent here, if there is a reason, and how keys and lists stand.

    Anybody who reaches the port may see it. *issuers* and *revocations* are JSON objects.
    """

    not_ready: tuple[str, ...]
    issuers: tuple[Mapping[str, object], ...]
    revocations: tuple[Mapping[str, object], ...]


class AdminView(Protocol):
    """The gateway as operators see it; nothing in it may hold a secret or a part of a token."""

    def ready(self) -> Readiness:
        """Return whether traffic should be sent here."""
        ...

    def status(self) -> Mapping[str, object]:
        """Return what stands in ``/status``, as values that JSON knows."""
        ...

    def metrics(self) -> bytes:
        """Return Prometheus' text format; called on another thread, for it takes a while."""
        ...


class AdminServer:
    """The admin port of one process."""

    def __init__(self, admin: Admin, view: AdminView) -> None:
        self._address = admin.address
        self._view = view
        app = web.Application(middlewares=[problems, require_token(admin.token)])
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/status", self._status)
        # Signals are the supervisor's, and probes every second are nothing to log.
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            logger=_log,
            shutdown_timeout=_STOP_SECONDS,
        )

    async def start(self) -> None:
        """Listen; raise OSError where the address cannot be had."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._address.host, self._address.port).start()
        except OSError:
            await self._runner.cleanup()
            raise

    @property
    def address(self) -> tuple[str, int]:
        """Return the host and port listened on, once started."""
        host, port = self._runner.addresses[0][:2]
        return host, port

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        await self._runner.cleanup()

    async def _livez(self, _request: web.Request) -> web.Response:
        return text(b"ok")

    async def _readyz(self, _request: web.Request) -> web.Response:
        readiness = self._view.ready()
        members = {
            "not_ready": readiness.not_ready,
            "issuers": readiness.issuers,
            "revocations": readiness.revocations,
        }
        if not readiness.not_ready:
            return json_object({"ready": True, **members})
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "not ready for traffic", members)

    async def _metrics(self, _request: web.Request) -> web.Response:
        # Thousands of lines take tens of milliseconds: no request should wait for a scrape.
        return text(await asyncio.to_thread(self._view.metrics), CONTENT_TYPE_LATEST)

    async def _status(self, _request: web.Request) -> web.Response:
        return json_object(self._view.status())
