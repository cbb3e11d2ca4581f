"""Law 9, for browsers: what a rehearsal says of a request by session is what comes.

The same request goes to a running gateway with sessions, and to a rehearsal that is told the
session that the cookies stand for.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.decision.explaining.explanation import Explanation
from gateway.decision.head import NO_SESSION, SessionCredential
from gateway.decision.verdict import Allow, Deny, LogIn, Needed
from gateway.http.reading.request import Request
from gateway.http.rehearsal import Rehearsal
from tests.proxy.fake_logins import HOST, ORIGIN, LoginWorld, running_logins
from tests.proxy.gateways import bearer, make_token
from tests.proxy.handshakes import UPGRADE
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.test_laws_rehearsal import plain
from tests.proxy.wire import Wire

TOKENS: dict[str, dict[str, Any]] = {
    "good": {},
    "poor": {"scope": None},
    "expired": {"exp": 1},
    "strong": {"acr": "gold", "auth_time": int(time.time())},
    "weak": {"acr": "bronze", "auth_time": int(time.time())},
    "other": {},
}
WORLDS: dict[str, dict[str, Any]] = {
    "quiet": {},
    "forwarding": {"identity": {"forward_token": True}, "underscore_names": "keep"},
}


class Stage:
    """A gateway with logins on the wire, and a rehearsal of it."""

    def __init__(
        self, runner: asyncio.Runner, service: Service, world: LoginWorld, heads: list[bytes]
    ) -> None:
        self.runner = runner
        self.service = service
        self.world = world
        self.heads = heads
        serving = world.gateway.gateway.data._serving
        self.fetched = world.gateway.gateway.fetched
        self.rehearsal = Rehearsal(serving.settings, "127.0.0.1", serving.port.pseudonym)

    async def play(self, sent: bytes) -> tuple[bytes, bytes]:
        """Return the head that the service got of *sent*, if it got one, and the whole answer."""
        self.heads.clear()
        self.world.logins.served.clear()
        wire = await self.world.gateway.connect()
        wire.send(sent)
        start = 0
        while (await read_answer(wire, is_head=sent.startswith(b"HEAD "))).status < 200:
            start = len(wire.received) - len(wire.unread)
        answer = bytes(wire.received[start : len(wire.received) - len(wire.unread)])
        wire.close()
        self.world.gateway.wires.clear()
        return b"".join(self.heads), answer

    def rehearse(self, sent: bytes) -> tuple[Explanation, bytes]:
        """Return what would become of *sent*, and what would be written."""
        request = self.rehearsal.read(sent.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        now, session = time.time(), self.session_of(request)
        keys, lists = self.fetched.keyring.keys, self.fetched.revocations.lists
        explanation = self.rehearsal.explain(request, keys, now, lists, session=session)
        verdict = explanation.verdict
        assert not isinstance(verdict, Needed)
        return explanation, self.rehearsal.render(request, verdict, now, session)

    def session_of(self, request: Request) -> SessionCredential:
        value = request.fields.cookies.session.get("__Host-session", "")
        view = self.world.logins.sessions.get(value)
        if view is None:
            return NO_SESSION
        return SessionCredential(view.login, (b"Bearer " + view.token,))


@pytest.fixture(scope="module", params=list(WORLDS.values()), ids=list(WORLDS))
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    stack = AsyncExitStack()
    heads: list[bytes] = []

    async def answer(service: Service, wire: Wire) -> None:
        while True:
            start = len(wire.received) - len(wire.unread)
            await service.read_request(wire)
            raw = bytes(wire.received[start : len(wire.received) - len(wire.unread)])
            heads.append(raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
            wire.send(make_answer())

    async def start(directory: Path) -> tuple[Service, LoginWorld]:
        service = await stack.enter_async_context(running_service())
        service.script = answer
        logins = running_logins(directory, [service.url], **request.param)
        world = await stack.enter_async_context(logins)
        for name, claims in TOKENS.items():
            login = "another" if name == "other" else "web"
            world.logins.begin(name, make_token(**claims), login=login)
        return service, world

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        service, world = runner.run(start(tmp_path_factory.mktemp("rehearsal")))
        yield Stage(runner, service, world, heads)
        runner.run(stack.aclose())


TARGETS = [
    *("/app/x?q=1", "/app/", "/maybe/y", "/step/z", "/report/r", "/socket/s", "/api/x", "/open/x"),
    *("/nowhere", "/app//x", "/oauth/login?to=/app/x", "/oauth/callback?code=c", "/oauth/userinfo"),
    *("/oauth/logout", "/oauth/backchannel-logout", "/oauth/other", "/oauth/%6cogin"),
]
COOKIES = [
    *(f"Cookie: __Host-session={name}" for name in (*TOKENS, "unknown", '"good"', "")),
    "Cookie: a=1; __Host-session=good; b=2",
    "Cookie: a=1",
    "Cookie: __host-session=good",
    "Cookie: __Host-session=good; __Host-session=poor",
    "Cookie: __Host-login-0123456789ab=l; __Host-session=good",
]
BROWSERS = [
    ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"),
    ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Purpose: prefetch"),
    ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
    ("Accept: text/html",),
    (f"Origin: {ORIGIN}", "X-CSRF: 1"),
    ("Sec-Fetch-Site: same-origin", "x-csrf: 1"),
    ("Sec-Fetch-Site: cross-site", "X-CSRF: 1"),
    ("Origin: https://evil.example", "X-CSRF: 1"),
    (f"Origin: {ORIGIN}", "Origin: https://evil.example", "X-CSRF: 1"),
    (f"Origin: {ORIGIN}", "X-CSRF: 1", "X-CSRF: 1"),
    (f"Origin: {ORIGIN}", "Access-Control-Request-Method: POST"),
    ("X-CSRF: 1",),
    (f"Origin: {ORIGIN}", *UPGRADE),
    UPGRADE,
]
OTHERS = [
    bearer(),
    bearer(make_token(scope=None)),
    b"Authorization: Basic YTpi",
    b"Authorization:",
    b"X-Gateway-Subject: root",
    b"X_CSRF: 1",
    b"Cookie: c=3",
]


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return a request of a browser, mostly a well-formed one."""
    cookies = draw(st.lists(st.sampled_from(COOKIES), max_size=2))
    browser = draw(st.sampled_from([(), *BROWSERS]))
    others = draw(st.lists(st.sampled_from(OTHERS), max_size=1))
    every: list[str | bytes] = [*cookies, *browser, *others]
    lines = draw(st.permutations(every))
    method = draw(st.sampled_from(["GET", "GET", "POST", "HEAD", "OPTIONS", "DELETE"]))
    body = draw(st.sampled_from([None, None, b"", b"a=b"])) if method == "POST" else None
    host = draw(st.sampled_from([HOST] * 6 + ["evil.example", "app.example:8443", "APP.example"]))
    target = draw(st.sampled_from(TARGETS))
    return make_request(target, *lines, method=method, body=body, host=host)


GOOD = "Cookie: a=1; __Host-session=good; b=2"
PAGE = (f"Origin: {ORIGIN}", "Sec-Fetch-Site: same-origin", "X-CSRF: 1")


@settings(max_examples=400)
@given(sent=requests())
@example(sent=make_request("/app/x", GOOD, host=HOST))
@example(sent=make_request("/app/x", GOOD, *PAGE, method="POST", body=b"a=b", host=HOST))
@example(sent=make_request("/app/x", GOOD, method="POST", body=b"a=b", host=HOST))
@example(sent=make_request("/app/x", *BROWSERS[0], host=HOST))
@example(sent=make_request("/app/x", *BROWSERS[0], method="HEAD", host=HOST))
@example(sent=make_request("/app/x?q=1", host=HOST))
@example(sent=make_request("/app/x", GOOD, bearer(b"x.y.z"), *BROWSERS[0], host=HOST))
@example(sent=make_request("/app/x", GOOD, bearer(), host=HOST))
@example(sent=make_request("/app/x", GOOD, host="evil.example"))
@example(sent=make_request("/step/x", "Cookie: __Host-session=weak", *BROWSERS[0], host=HOST))
@example(sent=make_request("/socket/x", GOOD, f"Origin: {ORIGIN}", *UPGRADE, host=HOST))
@example(sent=make_request("/maybe/x", "Cookie: __Host-session=unknown", host=HOST))
@example(sent=make_request("/report/x", *BROWSERS[0], host=HOST))
@example(sent=make_request("/oauth/logout", GOOD, method="POST", body=b"", host=HOST))
@example(sent=make_request("/oauth/login", host="evil.example"))
def test_9_what_is_rehearsed_for_a_browser_is_what_comes(sent: bytes, stage: Stage) -> None:
    explanation, expected = stage.rehearse(sent)

    got, answer = stage.runner.run(stage.play(sent))

    verdict, served = explanation.verdict, stage.world.logins.served
    failed = [step.reason for step in explanation.steps if not step.holds]
    if isinstance(verdict, LogIn):
        (asked,) = served
        assert (asked.endpoint.value, asked.logins) == (verdict.endpoint, verdict.logins)
        assert asked.is_navigation is (verdict.deny is not None)
        assert (got, answer[:13]) == (b"", b"HTTP/1.1 302 ")
        assert expected[:13] == (b"" if verdict.deny is None else b"HTTP/1.1 302 ")
        assert failed == ([] if verdict.deny is None else [verdict.deny.reason])
        return
    assert served == []
    if isinstance(verdict, Allow):
        assert plain(got) == plain(expected)
        assert answer.startswith(b"HTTP/1.1 200 ")
    else:
        assert (got, plain(answer)) == (b"", plain(expected))
    if isinstance(verdict, Deny):
        assert failed[-1] is verdict.reason
