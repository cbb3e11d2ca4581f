"""What a data port asks about logins and sessions, wherever these are kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.decision.reason import Reason
from gateway.login.session import SessionView
from gateway.settings.values.login import Endpoint

__all__ = ["Endpoint", "LoginRequest", "LoginResponse", "Logins", "LoginsGone", "StepUpWanted"]


@dataclass(frozen=True, slots=True)
class StepUpWanted:
    """The authentication that a route requires (RFC 9470): of the session there is, too little."""

    acr_values: tuple[str, ...] = ()
    max_age_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """A request that a login responds to itself, or a navigation that has to log in first.

    *logins* are the names of those that may respond, in the order of the configuration.
    *authority* is the Host field in lower case, one of their origins. *target* is the target as
    received; for a navigation where to return to. *cookies* are ours, by name. *origin*, *site*
    and *csrf* are the fields Origin, Sec-Fetch-Site and X-CSRF. *body* is a form, if any.
    *step_up* comes with a navigation whose session authenticated too weakly, or too long ago.
    """

    endpoint: Endpoint
    is_navigation: bool  # to a route: *endpoint* is LOGIN, and *target* the page
    logins: tuple[str, ...]
    method: str
    authority: str
    target: str
    cookies: Mapping[str, str] = field(repr=False)
    origin: str = ""
    site: str = ""
    csrf: str = ""
    accept: str = ""
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)
    step_up: StepUpWanted | None = None


@dataclass(frozen=True, slots=True)
class LoginResponse:
    """A response of a login; *fields* are pairs of name and value, Set-Cookie among them.

    *reason* is set if it is a refusal, such as Reason.LOGIN_FAILED, and *detail* is one line for
    the log, without secrets. Cache-Control: no-store is always sent with it.
    """

    status: int
    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    reason: Reason | None = None
    detail: str = ""


class LoginsGone(Exception):  # noqa: N818 - the outside world failed, not this program
    """The process that keeps the sessions is gone, or hangs."""


class Logins(Protocol):
    """Logs browsers in, and keeps their sessions; the same for all processes of a gateway."""

    async def serve(self, request: LoginRequest) -> LoginResponse:
        """Respond to *request*; every fault is a response."""
        ...

    async def find(self, cookies: Mapping[str, str]) -> SessionView | Reason:
        """Return the session that *cookies*, ours by name, stand for; refresh it if it is time.

        Without one, return Reason.LOGIN_REQUIRED; Reason.SESSIONS_UNAVAILABLE if the store cannot
        be asked; Reason.LOGIN_UNAVAILABLE if the token expired and the issuer does not respond.
        Raise LoginsGone if the sessions are kept by another process, and that does not respond.
        """
        ...

    def subscribe(self, ended: Callable[[frozenset[bytes]], None]) -> None:
        """Call *ended* with the ids of sessions that ended; a refresh ends none."""
