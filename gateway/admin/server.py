"""Serve the admin port: probes, metrics, status, explanations, reloads, sessions."""

import asyncio
import logging
from collections.abc import Mapping
from http import HTTPStatus
from socket import socket
from typing import Final, Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.admin.explain import (
    MAX_QUESTION_BYTES,
    BadQuestionError,
    Question,
    parse_question,
)
from gateway.admin.guard import problems, refuse_other_names, require_token
from gateway.admin.idle_connections import IdleConnections
from gateway.admin.readiness import Readiness
from gateway.admin.responses import json_object, problem, text
from gateway.admin.sessions import SessionPaths, SessionsView
from gateway.decision.tokens.json_text import parse_json_object
from gateway.http.server_header import hide_software
from gateway.reloading.report import report_as_json
from gateway.reloading.requests import ReloadRequests
from gateway.settings.values.addresses import name_bind_errors
from gateway.settings.values.configuration import Admin

# Responses take milliseconds; one that has not ended by then has lost its reader.
_STOP_SECONDS = 2.0

# How often idle connections are looked for.
_SWEEP_SECONDS = 0.5

_log: Final = logging.getLogger(__name__)


def _without_input(record: logging.LogRecord) -> bool:
    # An error of the parser quotes the request, with its Authorization field.
    record.exc_info = record.exc_text = None
    return True


_log.addFilter(_without_input)


class AdminView(SessionsView, Protocol):
    """The gateway as operators see it; no method may return a secret or a part of a token."""

    def ready(self) -> Readiness:
        """Return whether the gateway is ready for traffic."""
        ...

    async def status(self) -> Mapping[str, object]:
        """Return the members of ``/status``, as JSON values."""
        ...

    async def metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        ...

    async def explain(self, question: Question) -> Mapping[str, object]:
        """Return how a request would be decided now, as JSON values."""
        ...

    async def decision(self, request_id: str) -> Mapping[str, object] | None:
        """Return a refusal, as JSON values; None if it is not remembered."""
        ...


class AdminServer:
    """The admin port of one process."""

    def __init__(
        self,
        admin: Admin,
        view: AdminView,
        reloads: ReloadRequests,
        idle: IdleConnections | None = None,
    ) -> None:
        self._address = admin.address
        self._view = view
        self._reloads = reloads
        self._idle = idle or IdleConnections()
        self._sweeping: asyncio.Task[None] | None = None
        # One at a time: explanations compete with requests for the CPU.
        self._explaining = asyncio.Lock()
        app = web.Application(
            middlewares=[
                self._idle.middleware(),
                problems,
                refuse_other_names(admin),
                require_token(admin.token),
            ],
            client_max_size=MAX_QUESTION_BYTES,
        )
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/status", self._status)
        app.router.add_get("/decisions/{id}", self._decision)
        app.router.add_post("/explain", self._explain)
        app.router.add_post("/reload", self._reload)
        sessions = SessionPaths(view)
        app.router.add_get("/sessions", sessions.show)
        app.router.add_delete("/sessions", sessions.end_all)
        app.router.add_delete("/sessions/{id}", sessions.end)
        # Signals are handled elsewhere, and probes every second are not worth a log line.
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            logger=_log,
            shutdown_timeout=_STOP_SECONDS,
        )

    async def start(self, listening: socket | None = None) -> None:
        """Listen on the address, or on the socket *listening*; raise OSError if that fails."""
        await self._runner.setup()
        hide_software(self._runner)
        site: web.BaseSite = web.TCPSite(self._runner, self._address.host, self._address.port)
        if listening is not None:
            site = web.SockSite(self._runner, listening)
        try:
            with name_bind_errors(self._address, "admin"):
                await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        sweep = self._sweep()
        self._sweeping = asyncio.get_running_loop().create_task(sweep, name="idle admin clients")

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port, once started."""
        host, port = self._runner.addresses[0][:2]
        return host, port

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self._runner.cleanup()

    async def _sweep(self) -> None:
        while self._runner.server is not None:
            for connection in self._idle.choose(self._runner.server.connections):
                connection.force_close()
            await asyncio.sleep(_SWEEP_SECONDS)

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
        return text(await self._view.metrics(), CONTENT_TYPE_LATEST)

    async def _status(self, _request: web.Request) -> web.Response:
        return json_object(await self._view.status())

    async def _decision(self, request: web.Request) -> web.Response:
        found = await self._view.decision(request.match_info["id"])
        if found is not None:
            return json_object(found)
        return problem(HTTPStatus.NOT_FOUND, "not among the last refusals")

    async def _explain(self, request: web.Request) -> web.Response:
        body = await _read_json(request)
        if isinstance(body, web.Response):
            return body
        try:
            question = parse_question(body)
        except BadQuestionError as fault:
            return problem(HTTPStatus.BAD_REQUEST, str(fault))
        try:
            async with self._explaining:
                return json_object(await self._view.explain(question))
        except BadQuestionError as fault:  # it names what the configuration does not have
            return problem(HTTPStatus.BAD_REQUEST, str(fault))

    async def _reload(self, request: web.Request) -> web.Response:
        body = await _read_json(request)
        if isinstance(body, web.Response):
            return body
        force = _read_force(body)
        if force is None:
            detail = 'the body is {}, {"force": true} or nothing'
            return problem(HTTPStatus.BAD_REQUEST, detail)
        report = await self._reloads.ask(force=force)
        if report is None:
            detail = "not reloaded: the gateway is starting or stopping, or runs without a file"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail)
        members = report_as_json(report)
        if report.is_applied:
            return json_object(members)
        detail = "the previous configuration stays active"
        return problem(HTTPStatus.CONFLICT, detail, members)


def _read_force(body: bytes) -> bool | None:
    """Return whether *body* forces a reload; None if it is invalid."""
    match parse_json_object(body or b"{}"):
        case {"force": bool(force), **others} if not others:
            return force
        case {**others} if not others:
            return False
        case _:
            return None


async def _read_json(request: web.Request) -> bytes | web.Response:
    """Return the body, or the response that refuses it."""
    # A web page can send other types here without a CORS preflight, but not this one.
    if request.content_type != "application/json":
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is application/json")
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        limit = f"the body has at most {MAX_QUESTION_BYTES} bytes"
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, limit)
    except (web.RequestPayloadError, ConnectionError):
        # Not compressed as declared; or the client has disconnected, and reads no response.
        return problem(HTTPStatus.BAD_REQUEST, "the body is not encoded as its head declares")
