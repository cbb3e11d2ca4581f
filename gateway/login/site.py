"""The logins that may respond to a request, and where they are."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from gateway.decision.reason import Reason
from gateway.login.client import Failure, LoginClient
from gateway.login.pages import refuse
from gateway.login.requests import LoginRequest, LoginResponse, StepUpWanted
from gateway.settings.values.login import Origin


@dataclass(frozen=True, slots=True)
class Site:
    """The *clients*, one or more, that have *origin*, the one that a request was sent to."""

    origin: Origin
    clients: tuple[LoginClient, ...]

    @property
    def prefix(self) -> str:
        """Return the beginning of the paths of the logins, the same for all of a host."""
        return self.clients[0].login.prefix

    @property
    def origins(self) -> frozenset[bytes]:
        """Return all origins of these logins, as browsers write them."""
        return frozenset(
            origin.text.encode() for client in self.clients for origin in client.login.origins
        )

    def find(self, name: str) -> LoginClient | None:
        """Return the login *name*, if it may respond here."""
        return next((one for one in self.clients if one.login.name == name), None)

    def login_path(
        self, return_to: str, name: str = "", step_up: StepUpWanted | None = None
    ) -> str:
        """Return the path at which a login begins, with its query."""
        query = [("to", return_to)]
        if name:
            query.append(("login", name))
        if step_up is not None and step_up.acr_values:
            query.append(("acr_values", " ".join(step_up.acr_values)))
        if step_up is not None and step_up.max_age_seconds is not None:
            query.append(("max_age", str(step_up.max_age_seconds)))
        return f"{self.prefix}/login?{urlencode(query, safe='/')}"

    def refuse(
        self, request: LoginRequest, failure: Failure, return_to: str = "/", *cookies: str
    ) -> LoginResponse:
        """Return the refusal of *request*, with a link to try again and with *cookies* to set."""
        return refuse(
            failure.reason,
            failure.detail,
            accept=request.accept,
            again=self.login_path(return_to),
            fields=[("Set-Cookie", one) for one in cookies],
        )


def find_site(request: LoginRequest, clients: Iterable[LoginClient]) -> Site | None:
    """Return the site of *request* among *clients*: those with an origin of its authority."""
    found = [(client.origin_of(request.authority), client) for client in clients]
    here = [(origin, client) for origin, client in found if origin is not None]
    return Site(here[0][0], tuple(client for _, client in here)) if here else None


def misdirected(request: LoginRequest) -> LoginResponse:
    """Return the refusal of a request to a host that is no origin of a login."""
    detail = "the host is no origin of a login"
    return refuse(Reason.LOGIN_MISDIRECTED, detail, accept=request.accept)
