"""A rewritten request is what the service gets, and all other requests are what they were."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.gateways import RunningGateway, bearer, load, running_gateway, write_config
from tests.proxy.messages import make_answer, make_chunked, make_request, read_answer
from tests.proxy.service import Service, running_service, serve


def route(name: str, rewrite: dict[str, Any], **more: Any) -> dict[str, Any]:
    match = {"path_prefix": f"/{name}/"}
    access: dict[str, Any] = {} if "require" in more else {"public": True}
    return {"name": name, "match": match, "upstream": "main", "rewrite": rewrite, **access, **more}


ODD = {"allow_encoded_slash": True, "allow_semicolon": True}
ROUTES = [
    route("strip", {"strip_prefix": "/strip"}, **ODD),
    route("strict", {"strip_prefix": "/strict"}),
    route("replace", {"replace_prefix": {"from": "/replace", "to": "/v2/caf%C3%A9"}}),
    route("root", {"replace_prefix": {"from": "/root", "to": "/"}}),
    {
        "name": "deep",
        "match": {"path_prefix": "/a/b/{id}/"},
        "upstream": "main",
        "public": True,
        "rewrite": {"strip_prefix": "/a/b"},
    },
    {
        "name": "exact",
        "match": {"path": "/exact"},
        "upstream": "main",
        "public": True,
        "rewrite": {"strip_prefix": "/exact"},
    },
    route("upstream", {"host": "upstream"}),
    route("named", {"host": "shop.example:8080"}),
    route(
        "fields",
        {
            "request_headers": {
                "set": {"X-Api-Version": "2", "X-Tier": "a  b"},
                "remove": ["Cookie"],
            },
            "answer_headers": {
                "set": {"Strict-Transport-Security": "max-age=1", "X-Frame-Options": "DENY"},
                "remove": ["Server", "X-Powered-By"],
            },
        },
    ),
    route("query", {"query": {"set": {"key": "a b&c", "ü": "é"}, "remove": ["debug", "a b"]}}),
    route("added", {"query": {"set": {"page": "1"}}}),
    route("bare", {"query": {"remove": ["debug"]}}),
    route(
        "secret",
        {"strip_prefix": "/secret", "request_headers": {"set": {"X-Area": "1"}}},
        require={"scopes": ["api:read"]},
    ),
    {"name": "usual", "match": {"path_prefix": "/usual/"}, "upstream": "main", "public": True},
]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
async def gateway(service: Service, tmp_path: Path) -> AsyncIterator[RunningGateway]:
    path = write_config(tmp_path, [service.url], {"routes": ROUTES})
    async with running_gateway(load(path)) as running:
        yield running


TARGETS = {
    "/strip/x": "/x",
    "/strip/": "/",
    "/strip/strip/x/": "/strip/x/",
    "/strip/x?a=/strip/&b": "/x?a=/strip/&b",
    "/strip/x?": "/x?",
    "/%73tr%69p/%61b": "/%61b",
    "/strip/a%2Fb": "/a%2Fb",
    "/strip/a;v=1/b": "/a;v=1/b",
    "/strict/caf%c3%a9": "/caf%c3%a9",
    "/replace/x": "/v2/caf%C3%A9/x",
    "/replace/": "/v2/caf%C3%A9/",
    "/root/x": "/x",
    "/a/b/7/x": "/7/x",
    "/%61/%62/7/a/b": "/7/a/b",
    "/exact": "/",
    "/exact?q": "/?q",
    "/usual/a?b": "/usual/a?b",
    "/query/x": "/query/x?key=a%20b%26c&%C3%BC=%C3%A9",
    "/query/x?": "/query/x?key=a%20b%26c&%C3%BC=%C3%A9",
    "/query/x?b=%20+&debug&a=1&&b=2": "/query/x?b=%20+&a=1&&b=2&key=a%20b%26c&%C3%BC=%C3%A9",
    "/query/x?key=1&debug=2&KEY=3&%6bey=4&d%65bug=5&a+b=6&a%20b": (
        "/query/x?KEY=3&key=a%20b%26c&%C3%BC=%C3%A9"
    ),
    "/query/x?%C3%BC=1&debugged=2": "/query/x?debugged=2&key=a%20b%26c&%C3%BC=%C3%A9",
    "/query/x?%=1&=2&a=b=c": "/query/x?%=1&=2&a=b=c&key=a%20b%26c&%C3%BC=%C3%A9",
    "/added/x?a=1": "/added/x?a=1&page=1",
    "/added/x?page=7&page=8": "/added/x?page=1",
    "/bare/x?debug=1": "/bare/x",
    "/bare/x?debug=1&a": "/bare/x?a",
    "/bare/x?": "/bare/x",
}


async def test_the_service_gets_the_target_that_the_route_makes_of_it(
    gateway: RunningGateway, service: Service
) -> None:
    """What is not named stays byte for byte."""
    for target in TARGETS:
        assert (await gateway.ask(make_request(target))).status == 200

    assert (
        dict(zip(TARGETS, [one.target.decode() for one in service.requests], strict=True))
        == TARGETS
    )


@pytest.mark.parametrize(
    "target",
    [
        "/strip/%2e%2e/admin",
        "/strip/../admin",
        "/strip//admin",
        "/strip/.%2e/admin",
        "/strip/a/..%2fadmin",
        "/strip/%2fadmin",
        "/strip/;/../admin",
        "/strip/..;/admin",
        "/strip/%252e%252e/admin",
        "/strict/a%2Fb",
        "/strict/a;b",
        "//strip/x",
        "/strip%2Fx",
        "/strip%2f../admin",
        "/./strip/x",
    ],
)
async def test_no_rewriting_turns_an_invalid_path_into_a_path(
    gateway: RunningGateway, service: Service, target: str
) -> None:
    """GHSA-6jwx-7vp4-9847: stripping must not lead to what was not matched."""
    assert (await gateway.ask(make_request(target))).status in (400, 404)

    assert service.requests == []


async def test_the_host_is_that_of_the_client_of_the_server_or_of_the_route(
    gateway: RunningGateway, service: Service
) -> None:
    for target in ("/usual/x", "/upstream/x", "/named/x"):
        await gateway.ask(make_request(target))

    server = "{}:{}".format(*service.address).encode()
    hosts = [one.one(b"host") for one in service.requests]
    assert hosts == [b"gateway.test", server, b"shop.example:8080"]
    told = [one.one(b"x-forwarded-host") for one in service.requests]
    assert told == [b"gateway.test"] * 3


async def test_fields_are_set_and_removed_in_every_spelling(
    gateway: RunningGateway, service: Service
) -> None:
    lines = ("cookie: a=1", "Cookie: b=2", "x-api-version: 1", "X.Api.Version: 9", "HTTP-X-Tier: 3")
    await gateway.ask(make_request("/fields/x", *lines, "X-Other: 4"))
    await gateway.ask(make_request("/usual/x", *lines))

    edited, usual = service.requests
    assert not edited.has(b"cookie")
    assert edited.all(b"x-api-version") == [b"2"]
    assert edited.all(b"x-tier") == [b"a  b"]
    assert not edited.has(b"x.api.version")
    assert not edited.has(b"http-x-tier")
    assert edited.one(b"x-other") == b"4"
    assert usual.all(b"cookie") == [b"a=1", b"b=2"]
    assert usual.one(b"x-api-version") == b"1"


async def test_fields_of_responses_are_set_and_removed(
    gateway: RunningGateway, service: Service
) -> None:
    """Also where the same head comes again on the connection, and is known."""
    lines = (b"Server: x", b"x-powered-by: y", b"X-Frame-Options: SAMEORIGIN", b"X-Kept: 1")
    service.script = serve(make_answer(b"hello", *lines))
    wire = await gateway.connect()

    for target in ("/fields/x", "/usual/x", "/fields/x", "/fields/y", "/usual/y"):
        wire.send(make_request(target))
        answer = await read_answer(wire)
        is_edited = target.startswith("/fields/")
        assert answer.has(b"server") is not is_edited
        assert answer.has(b"x-powered-by") is not is_edited
        assert answer.all(b"x-frame-options") == [b"DENY" if is_edited else b"SAMEORIGIN"]
        assert answer.has(b"strict-transport-security") is is_edited
        assert answer.one(b"x-kept") == b"1"
        assert answer.body == b"hello"


async def test_responses_of_the_gateway_and_interim_responses_are_not_edited(
    gateway: RunningGateway, service: Service
) -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\nServer: x\r\n\r\n"
    service.script = serve(hint + make_answer(b"", b"Server: x"))
    wire = await gateway.connect()
    wire.send(make_request("/fields/x"))

    assert (await read_answer(wire)).has(b"server")
    assert not (await read_answer(wire)).has(b"server")
    assert not (await gateway.ask(make_request("/fields//x"))).has(b"x-frame-options")


async def test_what_is_kept_of_a_connection_is_edited_for_each_route_anew(
    gateway: RunningGateway, service: Service
) -> None:
    wire = await gateway.connect()
    lines = (bearer(), "Cookie: a=1", "X-Api-Version: 1")
    for target in ("/usual/1", "/fields/2", "/secret/3", "/usual/4", "/fields/5", "/fields/6"):
        wire.send(make_request(target, *lines))
        assert (await read_answer(wire)).status == 200

    seen = [
        (one.target, one.has(b"cookie"), one.one(b"x-api-version"), one.has(b"x-area"))
        for one in service.requests
    ]
    assert seen == [
        (b"/usual/1", True, b"1", False),
        (b"/fields/2", False, b"2", False),
        (b"/3", True, b"1", True),
        (b"/usual/4", True, b"1", False),
        (b"/fields/5", False, b"2", False),
        (b"/fields/6", False, b"2", False),
    ]


async def test_a_request_is_decided_by_the_path_that_was_requested(
    gateway: RunningGateway, service: Service
) -> None:
    assert (await gateway.ask(make_request("/secret/x"))).status == 401
    allowed = await gateway.ask(make_request("/secret/x", bearer(), "X-Gateway-Subject: root"))

    assert allowed.status == 200
    (request,) = service.requests
    assert (request.target, request.one(b"x-gateway-subject")) == (b"/x", b"alice")


async def test_a_body_comes_with_its_framing(gateway: RunningGateway, service: Service) -> None:
    await gateway.ask(make_request("/fields/x", method="POST", body=b"hello"))
    head = make_request("/fields/x", "Transfer-Encoding: chunked", method="POST")
    await gateway.ask(head + make_chunked(b"hel", b"lo"))

    assert [one.body for one in service.requests] == [b"hello", b"hello"]
    assert [one.one(b"x-api-version") for one in service.requests] == [b"2", b"2"]
