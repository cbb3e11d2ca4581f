"""Which requests logins answer themselves, and whom a refusal sends to log in."""

from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Route
from gateway.decision.verdict import Deny
from gateway.http.login_calls import LoginCall, LoginCalls
from gateway.http.reading.request import Request
from gateway.http.rehearsal import Rehearsal
from gateway.settings.values.login import Endpoint
from tests.proxy.messages import make_request
from tests.settings.build.login.login_configs import APP, login, with_logins
from tests.settings.configs import load

HOST = "app.example.com"
NAVIGATES = ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")


class World:
    """The logins of a configuration, and requests to them."""

    def __init__(self, directory: Path, text: str) -> None:
        settings = load(directory, text)
        self.calls = LoginCalls(settings.logins, settings.policy)
        self._rehearsal = Rehearsal(settings)
        self._routes = {route.name: route for route in settings.policy.routes.routes}

    def read(self, target: str, *lines: str, method: str = "GET", host: str = HOST) -> Request:
        return self._rehearsal.read(make_request(target, *lines, method=method, host=host))

    def find(self, target: str, method: str = "GET", host: str = HOST) -> LoginCall | Deny | None:
        return self.calls.find(self.read(target, method=method, host=host), host.partition(":")[0])

    def route(self, name: str) -> Route:
        return self._routes[name]


@pytest.fixture
def world(tmp_path: Path) -> World:
    other = '["https://app.example.com", "https://other.example:8443"]'
    routes = (
        f"{APP.replace('login: web', 'login: [web, staff]')}\n"
        "{name: one, match: {path: /one}, upstream: orders, require: {}, login: staff}\n"
        "{name: own, match: {path_prefix: /, hosts: [own.example]}, upstream: orders, public: true}"
    )
    staff = login("staff", origins=other, client_id="staff")
    return World(tmp_path, with_logins(login(), staff, routes=routes))


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("GET", "/oauth/login?to=/x", Endpoint.LOGIN),
        ("HEAD", "/oauth/login", Endpoint.LOGIN),
        ("GET", "/oauth/callback?code=c", Endpoint.CALLBACK),
        ("POST", "/oauth/logout", Endpoint.LOGOUT),
        ("GET", "/oauth/userinfo", Endpoint.USERINFO),
        ("POST", "/oauth/backchannel-logout", Endpoint.BACKCHANNEL_LOGOUT),
    ],
)
def test_logins_answer_at_their_paths_in_the_order_of_the_file(
    method: str, path: str, endpoint: Endpoint, world: World
) -> None:
    assert world.find(path, method) == LoginCall(endpoint, ("web", "staff"))
    assert world.find(path, method, "OTHER.example:8443") == LoginCall(endpoint, ("staff",))


@pytest.mark.parametrize(
    ("method", "path", "methods"),
    [("POST", "/oauth/login", ("GET", "HEAD")), ("HEAD", "/oauth/callback", ("GET",))],
)
def test_with_other_methods_they_are_not_asked(
    method: str, path: str, methods: tuple[str, ...], world: World
) -> None:
    found = world.find(path, method)

    assert isinstance(found, Deny)
    assert (found.reason, found.methods) == (Reason.METHOD_NOT_ALLOWED, methods)


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/oauth/other", HOST),
        ("/oauth/login/", HOST),
        ("/oauth/%6cogin", HOST),
        ("/oauth/login", "own.example"),
    ],
)
def test_other_paths_and_those_that_a_route_owns_elsewhere_are_not_theirs(
    path: str, host: str, world: World
) -> None:
    assert world.find(path, host=host) is None


@pytest.mark.parametrize("host", ["evil.example", "app.example.com:8443", "other.example"])
def test_elsewhere_their_paths_are_misdirected(host: str, world: World) -> None:
    found = world.find("/oauth/callback?code=c", host=host)

    assert isinstance(found, Deny)
    assert found.reason is Reason.LOGIN_MISDIRECTED


HELPS = ["login_required", "token_expired", "token_revoked", "token_inactive"]
HELPS += ["authentication_too_weak", "authentication_too_old"]


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.code)
def test_a_navigation_logs_in_where_that_may_help(reason: Reason, world: World) -> None:
    deny = Deny(reason, "", world.route("app"))
    expected = LoginCall(Endpoint.LOGIN, ("web", "staff")) if reason.code in HELPS else None

    assert world.calls.begun_by(world.read("/app/x", *NAVIGATES), deny) == expected
    has_url = expected is not None or reason is Reason.LOGIN_MISDIRECTED
    assert (world.calls.url(world.read("/app/x"), deny) is not None) is has_url


@pytest.mark.parametrize(
    ("lines", "method", "host"),
    [
        ((), "GET", HOST),
        (("Sec-Fetch-Mode: cors", "Accept: text/html"), "GET", HOST),
        (("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"), "GET", HOST),
        ((*NAVIGATES, "Sec-Purpose: prefetch"), "GET", HOST),
        (NAVIGATES, "POST", HOST),
        (NAVIGATES, "GET", "evil.example"),
    ],
)
def test_nothing_else_does(lines: tuple[str, ...], method: str, host: str, world: World) -> None:
    request = world.read("/app/x", *lines, method=method, host=host)

    assert (
        world.calls.begun_by(request, Deny(Reason.LOGIN_REQUIRED, "", world.route("app"))) is None
    )


@pytest.mark.parametrize(
    ("route", "target", "host", "url"),
    [
        ("app", "/app/x?q=1&r=%20", HOST, "https://app.example.com/oauth/login?to=/app/x%3Fq%3D1%26r%3D%2520"),
        ("one", "/one", HOST, "https://app.example.com/oauth/login?to=/one&login=staff"),
        ("one", "/one", "other.example:8443", "https://other.example:8443/oauth/login?to=/one"),
        ("app", "/app/" + "x" * 2048, HOST, "https://app.example.com/oauth/login?to=/"),
    ],
)  # fmt: skip
def test_a_refusal_says_where_to_log_in_on_the_same_origin(
    route: str, target: str, host: str, url: str, world: World
) -> None:
    request = world.read(target, host=host)

    found = world.calls.url(request, Deny(Reason.LOGIN_REQUIRED, "", world.route(route)))

    assert found == url


@pytest.mark.parametrize(
    ("route", "url"),
    [
        ("app", "https://app.example.com/oauth/login?to=/app/x%3Fq"),
        ("one", "https://app.example.com/oauth/login?to=/app/x%3Fq&login=staff"),
    ],
)
def test_on_a_host_where_nobody_logs_in_it_names_an_origin_where_they_do(
    route: str, url: str, world: World
) -> None:
    deny = Deny(Reason.LOGIN_MISDIRECTED, "", world.route(route))
    request = world.read("/app/x?q", *NAVIGATES, host="evil.example")

    assert world.calls.url(request, deny) == url
    assert world.calls.begun_by(request, deny) is None


def test_no_refusal_without_a_route_or_on_another_host_says_it(world: World) -> None:
    deny = Deny(Reason.LOGIN_REQUIRED, "")
    at_route = Deny(Reason.LOGIN_REQUIRED, "", world.route("app"))

    assert world.calls.url(world.read("/app/x"), deny) is None
    assert world.calls.begun_by(world.read("/app/x", *NAVIGATES), deny) is None
    assert world.calls.url(world.read("/app/x", host="evil.example"), at_route) is None
