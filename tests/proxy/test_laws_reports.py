"""The law of reports: what would be refused reaches the service as it would on a public route.

Byte for byte, on the data port's own protocols over transports in memory, one request behind the
other on a connection: whatever a gateway adds that it cannot vouch for would be a difference.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.proxy.gateways import AUDIENCE, ISSUER, bearer, load, make_token, write_config
from tests.proxy.handshakes import UPGRADE
from tests.proxy.memory_world import MemoryWorld, running_memory_world
from tests.proxy.test_laws import spellings
from tests.tokens import make_private, mint

# What differs between any two gateways, and two moments.
_REQUEST_ID = re.compile(rb"[0-9a-f]{14}-[0-9a-f]{9}")
_DATE = re.compile(rb"\r\nDate: [^\r]+")


def make_route(**access: Any) -> Mapping[str, Any]:
    match = {"path_prefix": "/"}
    return {"name": "all", "match": match, "upstream": "main", "upgrades": ["websocket"], **access}


PUBLIC = make_route(public=True)
# No token of these tests has this scope.
REPORTING = make_route(require={"scopes": ["none:such"]}, mode="report")


class Side:
    """One of the two gateways that get the same bytes."""

    def __init__(self, world: MemoryWorld) -> None:
        self.world = world
        self.counts = world.port.routes[0].metrics

    async def play(self, requests: list[bytes]) -> tuple[bytes, bytes]:
        """Return what the service got and what the client got, but for what always differs."""
        world = self.world
        world.begin()
        client = world.connect()
        await world.send(client, requests)
        to_service = b"".join(bytes(end.transport.written) for end in world.pool.ends)
        client.close()
        await world.activity.settle()
        return self._plain(to_service), self._plain(bytes(client.written))

    def _plain(self, data: bytes) -> bytes:
        data = data.replace(self.world.port.pseudonym, b"gateway")
        return _DATE.sub(b"", _REQUEST_ID.sub(b"ID", data))


class Pair:
    """A gateway whose route is public, and one whose route only reports, on one loop."""

    def __init__(self, runner: asyncio.Runner, public: Side, reporting: Side) -> None:
        self.runner = runner
        self.public = public
        self.reporting = reporting


@pytest.fixture(scope="module", params=[False, True], ids=["token stays", "token goes on"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    stack = AsyncExitStack()

    async def start(directory: Path, route: Mapping[str, Any]) -> Side:
        changes = {"routes": [dict(route)], "identity": {"forward_token": request.param}}
        path = write_config(directory, ["http://service.test"], changes)
        return Side(await stack.enter_async_context(running_memory_world(load(path))))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sides = [
            runner.run(start(tmp_path_factory.mktemp("reports"), route))
            for route in (PUBLIC, REPORTING)
        ]
        yield Pair(runner, *sides)
        runner.run(stack.aclose())


def _forged() -> bytes:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "root", "exp": int(time.time()) + 600}
    return mint(make_private("ES256", 1), "ES256", claims)


CREDENTIALS = [
    bearer(),  # a good one, that lacks the scope
    bearer(make_token(exp=1)),
    bearer(_forged()),
    bearer(b"x"),
    b"authorization: bEARER\tx",
    b"Authorization: Basic YTpi",
    b"Authorization: Basic YTpi, Bearer abc",
    b"Authorization: DPoP abc",
    b"Authorization:",
]
OTHER_LINES = [
    b"Cookie: a=1",
    b"Accept: */*",
    b"TE: trailers",
    b"Via: 1.1 somebody",
    b"X-Forwarded-For: 203.0.113.9",
    b"Forwarded: for=203.0.113.9",
    b"X-Request-Id: forged",
    b"X_User: forged",
    b"Max-Forwards: 3",
    b"Expect: 100-continue",
    b"Connection: close",
    b"Connection: X-Gateway-Subject, Authorization, Via",
    b"\r\n".join(line.encode() for line in UPGRADE),
]
BODIES = [
    b"\r\n",
    b"Content-Length: 4\r\n\r\nbody",
    b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
]
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=10).map(str.encode)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return a request, mostly a well-formed one."""
    method = draw(
        st.sampled_from([b"GET", b"GET", b"POST", b"HEAD", b"OPTIONS", b"DELETE", b"PUT"])
    )
    target = draw(
        st.sampled_from([b"/", b"/a/b?c=d", b"http://other.test/x", b"/a%20b", b"/a/../b", b"*"])
    )
    version = draw(st.sampled_from([b"1.1"] * 5 + [b"1.0"]))
    names = draw(st.lists(spellings(), max_size=2))
    lines = [
        *draw(st.lists(st.sampled_from(CREDENTIALS), max_size=2)),
        *draw(st.lists(st.sampled_from(OTHER_LINES), max_size=3)),
        *(name.encode() + b": " + draw(VALUES) for name in names),
    ]
    head = b"\r\n".join([
        b"%b %b HTTP/%b" % (method, target, version),
        b"Host: gateway.test",
        *draw(st.permutations(lines)),
        b"",
    ])  # fmt: skip
    return head + draw(st.sampled_from(BODIES))


def _get(*lines: bytes) -> bytes:
    return b"\r\n".join((b"GET / HTTP/1.1", b"Host: gateway.test", *lines, b"", b""))


@settings(max_examples=200)
@given(begun=st.lists(requests(), min_size=1, max_size=3), again=st.booleans())
@example(begun=[_get(bearer())], again=True)
@example(begun=[_get(bearer(make_token(exp=1))), _get(bearer())], again=True)
@example(begun=[_get(b"Authorization: Basic YTpi", bearer())], again=False)
@example(begun=[_get(b"X-Gateway-Subject: root", bearer())], again=True)
def test_what_would_be_refused_reaches_the_service_as_on_a_public_route(
    begun: list[bytes], again: bool, pair: Pair
) -> None:
    """9700.1, MCP.1: no identity, no bearer token, nothing more and nothing less."""
    sent = [one for one in begun for _ in range(2 if again else 1)]
    public, reporting = pair.public, pair.reporting
    allowed, reported = reporting.counts.allowed, sum(reporting.counts.would_deny.values())

    expected = pair.runner.run(public.play(sent))
    got = pair.runner.run(reporting.play(sent))

    assert got == expected
    # Each of them was a report, and on the public route none is.
    reported = sum(reporting.counts.would_deny.values()) - reported
    assert reported >= reporting.counts.allowed - allowed == len(reporting.world.requests)
    assert public.counts.would_deny == {}
