"""The laws of the gateway's own cookies, on the wire, whatever a client or a service sends."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
import uvloop
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.proxy.fake_logins import HOST, LoginWorld, running_logins
from tests.proxy.gateways import bearer, good_token, make_token
from tests.proxy.messages import Message, make_answer, make_chunked, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.wire import Wire

SECRET = "c2VjcmV0"
LOGIN = "__Host-login-0123456789ab"
OURS = ("__Host-session", "__Host-session.1", "__Host-session.12", LOGIN)


class Laws:
    """A gateway with logins and a service on a loop of their own, for all examples.

    *answer* is what the service answers, also on connections that it has already.
    """

    def __init__(self, runner: asyncio.Runner, service: Service, world: LoginWorld) -> None:
        self.runner = runner
        self.service = service
        self.world = world
        self.answer = make_answer(b"hello")
        service.script = self._serve

    async def _serve(self, service: Service, wire: Wire) -> None:
        while True:
            await service.read_request(wire)
            wire.send(self.answer)

    def ask(self, *requests: bytes, pieces: int = 1) -> list[Message]:
        """Return the answers to *requests*, sent on one connection."""

        async def play() -> list[Message]:
            wire = await self.world.gateway.connect()
            answers = []
            for request in requests:
                step = max(1, len(request) // pieces)
                for at in range(0, len(request), step):
                    wire.send(request[at : at + step])
                    if pieces > 1:
                        await asyncio.sleep(0)
                answers.append(await read_answer(wire))
                if answers[-1].all(b"connection") == [b"close"]:
                    break
            wire.close()
            return answers

        return self.runner.run(play())


@contextmanager
def running_laws(directory: Path) -> Iterator[Laws]:
    stack = AsyncExitStack()

    async def start(runner: asyncio.Runner) -> Laws:
        service = await stack.enter_async_context(running_service())
        world = await stack.enter_async_context(running_logins(directory, [service.url]))
        world.logins.begin(SECRET)
        return Laws(runner, service, world)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        made = runner.run(start(runner))
        yield made
        runner.run(stack.aclose())


@pytest.fixture(scope="module")
def laws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laws]:
    with running_laws(tmp_path_factory.mktemp("laws")) as made:
        yield made


# --- requests

cells = st.sampled_from(
    [
        *(f"{name}={SECRET}" for name in OURS),
        f"__HOST-SESSION={SECRET}",
        f'__Host-session="{SECRET}"',
        f"__Host-session ={SECRET}",
        f"=__Host-session={SECRET}",
        f'x="; __Host-session={SECRET}; y"',
        "a=1",
        "b",
        "",
        "\xe9=\xff",
        "__Host-other=2",
    ]
)
separators = st.sampled_from(["; ", ";", " ;\t", ", ", ",", " ", '"', "\t"])
values = st.lists(st.tuples(separators, cells), min_size=1, max_size=6).map(
    lambda parts: "".join("".join(part) for part in parts).lstrip(" \t")
)
names = st.sampled_from(["Cookie", "cookie", "COOKIE", "cOOkie"])
extras = st.sampled_from(
    [
        b"Accept: */*",
        b"Connection: keep-alive",
        b"Connection: close, X-Cookie",
        b"X-CSRF: 1",
        b"Origin: https://app.example",
        b"Sec-Fetch-Site: same-origin",
        b"Transfer-Encoding: chunked",
    ]
)


def readable(value: str) -> str:
    """Return what is readable in a Cookie field as one of ours: the secret after its name."""
    ours = "|".join(re.escape(name) for name in OURS)
    found = re.search(rf"(?i)(?:{ours})[^A-Za-z0-9.]*=", value)
    return "" if found is None else found[0]


@settings(max_examples=150, deadline=None)
@given(
    fields=st.lists(st.tuples(names, values), min_size=1, max_size=3),
    extra=st.lists(extras, max_size=3, unique=True),
    method=st.sampled_from(["GET", "POST", "DELETE", "OPTIONS"]),
    path=st.sampled_from(["/open/x", "/app/x", "/maybe/x", "/report/x", "/api/x"]),
    version=st.sampled_from(["1.1", "1.1", "1.0"]),
    is_bearer=st.booleans(),
    pieces=st.sampled_from([1, 1, 2, 7]),
)
@example(
    fields=[("Cookie", f"a=1, __Host-session={SECRET}")],
    extra=[],
    method="GET",
    path="/open/x",
    version="1.1",
    is_bearer=False,
    pieces=1,
)
def test_no_request_carries_one_of_our_cookies_to_a_service(
    fields: list[tuple[str, str]],
    extra: list[bytes],
    method: str,
    path: str,
    version: str,
    is_bearer: bool,
    pieces: int,
    laws: Laws,
) -> None:
    """10017.6"""
    lines = [f"{name}: {value}".encode("latin-1") for name, value in fields]
    chunked = b"Transfer-Encoding: chunked" in extra
    request = make_request(
        path,
        *lines,
        *extra,
        *([bearer()] if is_bearer else []),
        method=method,
        body=b"x=1" if method == "POST" and not chunked else None,
        version=version,
        host=HOST,
    )
    if chunked:
        request += make_chunked(b"x=1")
    before = len(laws.service.requests)

    laws.ask(request, request, request, pieces=pieces)

    for seen in laws.service.requests[before:]:
        for value in seen.all(b"cookie"):
            text = value.decode("latin-1")
            assert value != b""
            assert readable(text) == ""
        if not is_bearer and seen.has(b"x-gateway-subject"):
            assert not seen.has(b"x-csrf")


@settings(max_examples=60, deadline=None)
@given(kept=st.lists(st.sampled_from(["a=1", " b=2 ", "c", 'd="e"', "f=g=h"]), max_size=4))
def test_what_is_not_ours_arrives_byte_for_byte(kept: list[str], laws: Laws) -> None:
    value = ";".join([*kept[:2], f"__Host-session={SECRET}", *kept[2:]])

    (answer,) = laws.ask(make_request("/app/x", f"Cookie: {value}", host=HOST))

    assert answer.status == 200
    left = ";".join(kept).strip(" ")
    assert laws.service.requests[-1].all(b"cookie") == ([left.encode()] if left else [])


# --- a bearer token decides alone


@settings(max_examples=60, deadline=None)
@given(
    token=st.sampled_from(
        [
            "Bearer " + make_token("other").decode(),
            "Bearer " + make_token(exp=1).decode(),
            "Bearer " + good_token().decode()[:-4] + "AAAA",
            "Bearer x",
            "Bearer",
            "Basic YTpi",
            "",
        ]
    ),
    is_page=st.booleans(),
    times=st.integers(1, 3),
)
def test_a_bad_bearer_is_refused_whatever_the_session(
    token: str, is_page: bool, times: int, laws: Laws
) -> None:
    page = [b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document"] if is_page else []
    cookie = f"Cookie: __Host-session={SECRET}"
    good = make_request("/app/x", cookie, *page, host=HOST)
    bad = make_request("/app/x", cookie, *page, f"Authorization: {token}", host=HOST)
    before = len(laws.service.requests)

    answers = laws.ask(*[good, bad] * times)

    assert [answer.status for answer in answers[::2]] == [200] * times
    assert {answer.status for answer in answers[1::2]} <= {400, 401, 403}
    assert len(laws.service.requests) - before == times


# --- responses

own_fields = st.builds(
    lambda name, start, own, rest: name + start + own + rest,
    st.sampled_from([b"Set-Cookie: ", b"set-cookie:", b"SET-COOKIE:\t", b"Set-Cookie2: "]),
    st.sampled_from([b"", b"", b"=", b" ", b'"', b"a=1, "]),
    st.sampled_from([*(one.encode() for one in OURS), b"__hOsT-sEsSiOn"]),
    st.sampled_from([b"=evil; Path=/; Secure", b" =evil", b'"=evil', b"="]),
)
other_fields = st.sampled_from(
    [b"Set-Cookie: a=1; Path=/", b"X-Other: __Host-session=x", b"Set-Cookie: __Host-b=2"]
)


@settings(max_examples=100, deadline=None)
@given(
    own=st.lists(own_fields, min_size=1, max_size=3),
    others=st.lists(other_fields, max_size=3),
    is_chunked=st.booleans(),
    path=st.sampled_from(["/open/x", "/app/x", "/maybe/x"]),
)
def test_no_service_sets_one_of_our_cookies(
    own: list[bytes], others: list[bytes], is_chunked: bool, path: str, laws: Laws
) -> None:
    if is_chunked:
        head = b"\r\n".join((b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked", *own, *others))
        trailer = own[0] + b"\r\n\r\n"
        laws.answer = head + b"\r\n\r\n" + make_chunked(b"hello")[:-2] + trailer
    else:
        laws.answer = make_answer(b"hello", *own, *others)
    cookie = f"Cookie: __Host-session={SECRET}"
    request = make_request(path, cookie, host=HOST)

    for got in laws.ask(request, request):
        assert got.body == b"hello"
        listed = [one for one in others if one.lower().startswith(b"set-cookie")]
        assert got.all(b"set-cookie") == [one.partition(b": ")[2] for one in listed]
        assert not got.has(b"set-cookie2")
