"""Law 9, on the wire: what a rehearsal says would be sent or answered is what is, byte for byte.

The same request goes to a running gateway, and to a rehearsal under its settings, keys and lists.
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

from gateway.decision.explaining.explanation import Explanation
from gateway.decision.verdict import Allow, Deny, Needed, Publish
from gateway.http.rehearsal import REQUEST_ID, Rehearsal
from tests.proxy.gateways import (
    AUDIENCE,
    ISSUER,
    RunningGateway,
    bearer,
    load,
    make_token,
    running_gateway,
    write_config,
)
from tests.proxy.handshakes import UPGRADE
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.proxy.test_laws import spellings
from tests.proxy.wire import Wire
from tests.tokens import make_private, mint

RESOURCE = "https://gateway.test/api"
ROUTES: list[Mapping[str, Any]] = [
    {"name": "open", "match": {"path_prefix": "/open/"}, "upstream": "main", "public": True},
    {
        "name": "api",
        "match": {"path_prefix": "/api/", "methods": ["GET", "HEAD", "POST", "OPTIONS"]},
        "cors": {"origins": ["https://shop.test"], "credentials": True},
        "upstream": "main",
        "require": {"scopes": ["api:read"]},
        "upgrades": ["websocket"],
    },
    {
        "name": "tenant",
        "match": {"path": "/tenants/{tenant}", "hosts": ["gateway.test", "*.other.test"]},
        "upstream": "main",
        "require": {"claims": {"tenant": {"equals": "{path.tenant}"}}, "acr": ["gold"]},
        "allow_encoded_slash": True,
        "allow_semicolon": True,
    },
    {
        "name": "rewritten",
        "match": {"path_prefix": "/rewritten/"},
        "upstream": "main",
        "require": {"optional": True},
        "allow_encoded_slash": True,
        "upgrades": ["websocket"],
        "cors": {"origins": ["https://*.app.test"], "methods": ["GET", "PUT", "OPTIONS"]},
        "rewrite": {
            "replace_prefix": {"from": "/rewritten", "to": "/v2"},
            "host": "upstream",
            "request_headers": {"set": {"X-Odd": "even"}, "remove": ["Cookie"]},
            "query": {"set": {"q": "2"}, "remove": ["debug"]},
        },
    },
    {
        "name": "maybe",
        "match": {"path_prefix": "/maybe/"},
        "upstream": "main",
        "require": {"optional": True},
    },
    {
        "name": "trial",
        "match": {"path_prefix": "/trial/"},
        "upstream": "main",
        "require": {"scopes": ["admin"]},
        "mode": "report",
    },
]
SMALL = {"head": "6KiB", "fields": 12, "target": "1KiB", "body": "2KiB"}
WORLDS: dict[str, Mapping[str, Any]] = {
    "strict": {"underscore_names": "reject", "limits": SMALL},
    "trusting": {
        "trusted_proxies": ["127.0.0.0/8"],
        "underscore_names": "keep",
        "identity": {"forward_token": True, "headers": {"X-Who": "sub", "X-Tenant": "tenant"}},
        "limits": SMALL,
    },
}


class Stage:
    """A gateway on the wire, and a rehearsal of it."""

    def __init__(
        self, runner: asyncio.Runner, service: Service, gateway: RunningGateway, heads: list[bytes]
    ) -> None:
        self.runner = runner
        self.service = service
        self.gateway = gateway
        self.heads = heads
        self.serving = gateway.gateway.data._serving
        self.fetched = gateway.gateway.fetched
        self.rehearsal = Rehearsal(self.serving.settings, "127.0.0.1", self.serving.port.pseudonym)

    async def play(self, sent: bytes) -> tuple[bytes, bytes]:
        """Return the head that the service got of *sent*, if it got one, and the whole answer."""
        self.heads.clear()
        wire = await self.gateway.connect()
        wire.send(sent)
        is_head = sent.startswith(b"HEAD ")
        start = 0
        while (await read_answer(wire, is_head=is_head)).status < 200:
            start = len(wire.received) - len(wire.unread)
        answer = bytes(wire.received[start : len(wire.received) - len(wire.unread)])
        wire.close()
        self.gateway.wires.clear()
        return b"".join(self.heads), answer

    def rehearse(self, sent: bytes) -> tuple[Explanation, bytes]:
        """Return what would become of *sent*, and what would be written."""
        request = self.rehearsal.read(sent.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        now = time.time()
        keys, lists = self.fetched.keyring.keys, self.fetched.revocations.lists
        explanation = self.rehearsal.explain(request, keys, now, lists)
        verdict = explanation.verdict
        assert not isinstance(verdict, Needed)
        return explanation, self.rehearsal.render(request, verdict, now)


def plain(written: bytes) -> bytes:
    """Return *written* without what differs between two requests."""
    written = re.sub(rb"\r\nDate: [^\r]+", b"", written)
    return re.sub(rb"[0-9a-f]{14}-[0-9a-f]{9}", REQUEST_ID, written)


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

    async def start(directory: Path) -> tuple[Service, RunningGateway]:
        service = await stack.enter_async_context(running_service())
        service.script = answer
        resources = {"api": {"resource": RESOURCE, "authorization_servers": ["main"]}}
        issuers = {
            "main": {
                "issuer": ISSUER,
                "jwks_file": "keys.json",
                "audiences": [AUDIENCE, RESOURCE],
                "algorithms": ["ES256"],
            },
            "new": {
                "issuer": "https://new.example.com/",
                "jwks_file": "keys.json",
                "audiences": [AUDIENCE],
                "algorithms": ["ES256"],
                "mode": "report",
            },
        }
        changes = {
            "routes": ROUTES,
            "resources": resources,
            "issuers": issuers,
            "revocations": {"gone": {"file": "gone.json"}},
            **request.param,
        }
        (directory / "gone.json").write_text('{"revoked": [{"jti": "gone"}]}')
        path = write_config(directory, [service.url], changes)
        return service, await stack.enter_async_context(running_gateway(load(path)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        service, gateway = runner.run(start(tmp_path_factory.mktemp("rehearsal")))
        yield Stage(runner, service, gateway, heads)
        runner.run(stack.aclose())


def _forged() -> bytes:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "root", "exp": int(time.time()) + 600}
    return mint(make_private("ES256", 1), "ES256", claims)


CREDENTIALS = [
    bearer(),
    bearer(make_token(tenant="a", acr="gold")),
    bearer(make_token(tenant="a/b", acr="gold", sub="zoë\r\nX: 1")),
    bearer(make_token(scope=None)),
    bearer(make_token(exp=1)),
    bearer(make_token(aud="elsewhere")),
    bearer(make_token(jti="gone")),
    bearer(make_token(iss="https://new.example.com/", exp=1)),
    bearer(make_token(iss="https://nobody.example.com/")),
    bearer(_forged()),
    bearer(b"x.y.z"),
    bearer(b"\xff\x01"),
    b"authorization: bEARER\tx",
    b"Authorization: Basic YTpi",
    b"Authorization: Basic YTpi, Bearer abc",
    b"Authorization:",
]
TARGETS = [
    *("/open/x", "/api/x?q=1", "/api/", "/api", "/maybe/y", "/trial/z", "/nowhere", "/", "*"),
    *("/rewritten/x", "/rewritten/a%2Fb?q=1&debug&r=%20", "/rewritten/", "/rewritten//x"),
    *("/tenants/a", "/tenants/a%2Fb", "/tenants/a;x", "/tenants/b", "/tenants/..%2fopen"),
    *("/open/../api/x", "/open/%2e%2e/api/x", "//api/x", "/open//x", "/api/%00", "/api/\\x"),
    *("/API/x", "/open/x#y", "/open/%c3%a9", "http://a.other.test/tenants/a", "HTTP://x/open/y"),
    *("https://u@x/open/y", "/.well-known/oauth-protected-resource/api", "/open/" + "x" * 2000),
]
OTHER_LINES = [
    b"Cookie: a=1",
    b"Origin: https://shop.test",
    b"origin: https://x.app.test",
    b"Origin: null",
    b"Origin: https://shop.test\r\nAccess-Control-Request-Method: POST",
    b"Origin: https://x.app.test\r\naccess-control-request-method: PUT",
    b"Access-Control-Request-Method: P T",
    b"X-Odd:  spaced\t",
    b"X-Latin: \xe9",
    b"X-Control: \x7f",
    b"X Y: 1",
    b": 1",
    b"TE: trailers",
    b"Via: 1.1 somebody",
    b"Via: 1.0 else",
    b"X-Forwarded-For: 203.0.113.9",
    b"X-Forwarded-Proto: https",
    b"X-Forwarded-Host: shop.test",
    b"Forwarded: for=203.0.113.9",
    b"X-Request-Id: forged",
    b"X-Original-URL: /admin",
    b"X-HTTP-Method-Override: DELETE",
    b"Proxy: http://evil.test",
    b"X_User: forged",
    b"HTTP_X_WHO: forged",
    b"X-Who: forged",
    b"Max-Forwards: 3",
    b"Max-Forwards: 0",
    b"Expect: 100-continue",
    b"Connection: close",
    b"Connection: X-Gateway-Subject, Authorization, Cookie, Via, X-Who",
    b"Host: second.test",
    b"X-Large: " + b"x" * 3000,
    b"X-Larger: " + b"x" * 7000,
    b"\r\n".join(b"X-%d: 1" % number for number in range(10)),
    b"\r\n".join(line.encode() for line in UPGRADE),
    b"Connection: upgrade\r\nUpgrade: h2c",
    b"Upgrade: websocket",
]
BODIES = [
    b"\r\n",
    b"\r\n",
    b"Content-Length: 4\r\n\r\nbody",
    b"content-length: 0\r\n\r\n",
    b"Content-Length: 3000\r\n\r\n" + b"b" * 3_000,
    b"Content-Length: +4\r\n\r\nbody",
    b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
    b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
]
METHODS = [
    *(b"GET", b"GET", b"GET", b"POST", b"HEAD", b"OPTIONS", b"DELETE", b"PUT", b"PURGE"),
    *(b"TRACE", b"CONNECT", b"get", b"BREW"),
]
HOSTS = [b"gateway.test"] * 6 + [b"GATEWAY.test.:8080", b"a.other.test", b"[::1]:1", b"a@b", b""]
PREFLIGHT = ("Origin: https://shop.test", "Access-Control-Request-Method: POST")
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=10).map(str.encode)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return a request, mostly a well-formed one."""
    names = draw(st.lists(spellings(), max_size=2))
    lines = [
        *draw(st.lists(st.sampled_from(CREDENTIALS), max_size=2)),
        *draw(st.lists(st.sampled_from(OTHER_LINES), max_size=3)),
        *(name.encode() + b": " + draw(VALUES) for name in names),
    ]
    start = b"%b %b HTTP/%b" % (
        draw(st.sampled_from(METHODS)),
        draw(st.sampled_from(TARGETS)).encode(),
        draw(st.sampled_from([b"1.1"] * 8 + [b"1.0", b"1.2"])),
    )
    host = b"Host: " + draw(st.sampled_from(HOSTS))
    head = b"\r\n".join([start, *draw(st.permutations([host, *lines])), b""])
    return head + draw(st.sampled_from(BODIES))


@settings(max_examples=400)
@given(sent=requests())
@example(sent=make_request("/api/x", bearer()))
@example(sent=make_request("/api/x", bearer(), bearer()))
@example(sent=make_request("/api/x", bearer(), "X-Gateway-Subject: root", "x.gateway~subject: r"))
@example(sent=make_request("/api/x", bearer(), "Connection: X-Gateway-Subject, Via, Host"))
@example(sent=make_request("/trial/x", bearer()))
@example(sent=make_request("/api/x", "Origin: https://shop.test"))
@example(sent=make_request("/api/x", *PREFLIGHT, method="OPTIONS"))
@example(sent=make_request("/api/x", *PREFLIGHT, bearer(), method="OPTIONS", body=b"b" * 3_000))
@example(sent=make_request("/rewritten/x", *PREFLIGHT, method="OPTIONS"))
@example(sent=make_request("/api/x", bearer(), *UPGRADE))
@example(sent=make_request("/rewritten/x?q=1", bearer(), *UPGRADE, "x.odd: 3"))
@example(sent=make_request("/rewritten/x?debug", "Cookie: a=1", method="POST", body=b"body"))
@example(sent=make_request("/open/x", method="POST", body=b"b" * 3_000))
@example(sent=make_request("/.well-known/oauth-protected-resource/api", method="HEAD"))
@example(sent=make_request("/" + "x" * 7000, method="HEAD"))
@example(sent=b"nonsense\r\n\r\n")
def test_9_what_is_rehearsed_is_what_comes(sent: bytes, stage: Stage) -> None:
    explanation, expected = stage.rehearse(sent)

    got, answer = stage.runner.run(stage.play(sent))

    verdict = explanation.verdict
    if isinstance(verdict, Allow):
        assert plain(got) == plain(expected)
        assert answer.startswith(b"HTTP/1.1 200 ")
    else:
        assert isinstance(verdict, Deny | Publish)
        assert (got, plain(answer)) == (b"", plain(expected))
    failed = [step.reason for step in explanation.steps if not step.holds]
    if isinstance(verdict, Deny):
        assert failed[-1] is verdict.reason
    else:
        would_deny = verdict.would_deny if isinstance(verdict, Allow) else None
        assert failed == ([] if would_deny is None else [would_deny.reason])
