"""Show logins and sessions to operators, and end sessions: never a token, never a cookie."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import web

from gateway.admin.responses import json_object, problem
from gateway.login.session import Session
from gateway.login.store import StoreUnavailable
from gateway.oauth.endpoints import EndpointsStatus
from gateway.settings.values.login import LoginSettings

_ID: Final = re.compile(r"[0-9a-f]{64}")


class SessionsView(Protocol):
    """The sessions of a gateway; every method may raise StoreUnavailable."""

    async def sessions(self, subject: str | None) -> Sequence[Session]:
        """Return the sessions of *subject*, or all, newest first."""
        ...

    async def end_session(self, session_id: bytes) -> bool:
        """End the session with this id; return whether there was one."""
        ...

    async def end_sessions(self, subject: str) -> int:
        """End all sessions of *subject*; return how many are known to have been."""
        ...


class SessionPaths:
    """The paths of the admin port that list and end sessions.

    A page of another origin cannot send DELETE here without a preflight, which nobody answers.
    """

    def __init__(self, view: SessionsView) -> None:
        self._view = view

    async def show(self, request: web.Request) -> web.Response:
        """Respond with the sessions there are, or those of a subject."""
        try:
            found = await self._view.sessions(request.query.get("subject"))
        except StoreUnavailable as error:
            return _unavailable(error)
        return json_object({"sessions": [session_status(one) for one in found]})

    async def end(self, request: web.Request) -> web.Response:
        """End one session."""
        session_id = request.match_info["id"]
        if not _ID.fullmatch(session_id):
            return problem(HTTPStatus.BAD_REQUEST, "the id of a session has 64 hexadecimal digits")
        try:
            has_ended = await self._view.end_session(bytes.fromhex(session_id))
        except StoreUnavailable as error:
            return _unavailable(error)
        if has_ended:
            return json_object({"ended": 1})
        return problem(HTTPStatus.NOT_FOUND, "there is no session with this id")

    async def end_all(self, request: web.Request) -> web.Response:
        """End all sessions of a subject."""
        subject = request.query.get("subject")
        if not subject or len(request.query) != 1:
            # Never all at once: a mistake would log everybody out.
            return problem(HTTPStatus.BAD_REQUEST, "say whose: /sessions?subject=…")
        try:
            return json_object({"ended": await self._view.end_sessions(subject)})
        except StoreUnavailable as error:
            return _unavailable(error)


def session_status(session: Session) -> Mapping[str, object]:
    """Return what operators see of *session*; times are in seconds since the epoch."""
    return {
        "id": session.id.hex(),
        "login": session.login,
        "issuer": session.issuer,
        "subject": session.subject,
        "begun_at": session.begun_at,
        "used_at": session.used_at,
        "ends_at": session.expires_at,
        "refreshes": session.version,
    }


def login_status(login: LoginSettings, endpoints: EndpointsStatus) -> Mapping[str, object]:
    """Return the member of ``/status`` for *login*, whose issuer has these *endpoints*."""
    return {
        "login": login.name,
        "issuer": endpoints.name,
        "store": login.session.store.value,
        "loaded": endpoints.loaded,
        "age_seconds": endpoints.age_seconds,
        "failures_in_a_row": endpoints.failures_in_a_row,
        "last_error": endpoints.last_error,
    }


def _unavailable(error: StoreUnavailable) -> web.Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the sessions cannot be asked: {error}")
