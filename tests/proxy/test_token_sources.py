"""Tokens in other places than Authorization, and two of them: judged by what a service received."""

import json
import re
import time
from typing import Any, Final

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import (
    AUDIENCE,
    ISSUER,
    RunningGateway,
    bearer,
    good_token,
    make_token,
)
from tests.proxy.handshakes import UPGRADE, make_switch
from tests.proxy.hostile import reason
from tests.proxy.messages import Message, make_request, read_head
from tests.proxy.recording.test_record import Log, log
from tests.proxy.service import Service, echo
from tests.proxy.wire import Wire

__all__ = ["log"]  # a fixture

MESH: Final = "https://mesh.example.com/"
ALSO: Final[dict[str, Any]] = {
    "header": "X-Workload-Token",
    "issuers": ["mesh"],
    "identity": {"headers": {"X-Gateway-Workload": "sub"}},
}


def _issuer(iss: str) -> dict[str, Any]:
    return {
        "issuer": iss,
        "jwks_file": "keys.json",
        "audiences": [AUDIENCE],
        "algorithms": ["ES256"],
    }


def _route(name: str, token_from: list[Any] | None = None, **require: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": name,
        "match": {"path_prefix": f"/{name}/"},
        "upstream": "main",
        "require": require,
        "upgrades": ["websocket"],
    }
    return made if token_from is None else made | {"token_from": token_from}


CONFIG: Final[dict[str, Any]] = {
    "issuers": {"main": _issuer(ISSUER), "mesh": _issuer(MESH)},
    "routes": [
        _route("both", None, issuers=["main"], also=ALSO),
        _route("header", [{"header": "X-Api-Token"}], issuers=["main"]),
        _route("query", ["authorization", "query"], issuers=["main"]),
        _route("socket", ["authorization", "subprotocol"], issuers=["main"]),
        _route("plain", None, issuers=["main"]),
        _route(
            "mesh",
            [{"header": "X-Api-Token"}],
            issuers=["main"],
            also={"header": "Authorization", "issuers": ["mesh"]},
        ),
        {"name": "open", "match": {"path_prefix": "/open/"}, "upstream": "main", "public": True},
    ],
    "access_log": "stdout",
}


def workload(**claims: Any) -> bytes:
    return make_token(iss=MESH, **{"sub": "cart", **claims})


def second(token: bytes | None = None, scheme: bytes = b"Bearer ") -> bytes:
    return b"X-Workload-Token: " + scheme + (workload() if token is None else token)


def api_token(token: bytes | None = None) -> bytes:
    return b"X-Api-Token: " + (good_token() if token is None else token)


@pytest.fixture
async def started(log: Log, service: Service, start_gateway: StartGateway) -> RunningGateway:
    assert not log.text  # it takes in what the gateway writes from here on
    service.script = echo
    return await start_gateway(**CONFIG)


async def ask(gateway: RunningGateway, target: str, *lines: bytes, **more: Any) -> Message:
    return await gateway.ask(make_request(target, *lines, **more))


def names(message: Message) -> set[bytes]:
    return {name.lower() for name, _ in message.fields}


# --- two tokens


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b""])
async def test_a_service_receives_both_callers_and_neither_token(
    service: Service, started: RunningGateway, log: Log, scheme: bytes
) -> None:
    answer = await ask(started, "/both/x", bearer(), second(scheme=scheme))

    received = service.requests[-1]
    assert answer.status == 200
    assert received.one(b"X-Gateway-Subject") == b"alice"
    assert received.one(b"X-Gateway-Workload") == b"cart"
    assert names(received).isdisjoint((b"authorization", b"x-workload-token"))
    (line,) = await log.lines(started)
    assert (line["subject"], line["issuer"]) == ("alice", "main")
    assert line["also"] == {"subject": "cart", "issuer": "mesh"}


REFUSED: Final = {
    "the second is missing": ((bearer(),), 401, "token_missing"),
    "the first is missing": ((second(),), 401, "token_missing"),
    "both are in Authorization": ((bearer(), bearer(workload())), 400, "token_repeated"),
    "they are swapped": ((bearer(workload()), second(good_token())), 403, "issuer_not_accepted"),
    "one for both": ((bearer(), second(good_token())), 400, "token_repeated"),
    "a user's as the second": (
        (bearer(), second(make_token(sub="bob"))),
        403,
        "issuer_not_accepted",
    ),
    "the second twice": ((bearer(), second(), second()), 400, "token_repeated"),
    "the second is expired": ((bearer(), second(workload(exp=1))), 401, "token_expired"),
    "the second is empty": ((bearer(), b"X-Workload-Token:"), 401, "token_malformed"),
    "another spelling": (
        (bearer(), b"X_Workload_Token: Bearer " + workload()),
        401,
        "token_missing",
    ),
}


@pytest.mark.parametrize(("lines", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_without_both_nothing_reaches_a_service(
    service: Service,
    started: RunningGateway,
    lines: tuple[bytes, ...],
    status: int,
    code: str,
) -> None:
    answer = await ask(started, "/both/x", *lines)

    assert (answer.status, reason(answer)) == (status, code)
    assert service.requests == []


async def test_a_refusal_says_which_token_it_is_about(started: RunningGateway, log: Log) -> None:
    """RFC 9110 §11.5: another realm needs other credentials, so a client keeps its own token."""
    missing = await ask(started, "/both/x", bearer())
    expired = await ask(started, "/both/x", bearer(), second(workload(exp=1)))

    assert missing.one(b"WWW-Authenticate") == b'Bearer realm="X-Workload-Token"'
    assert expired.one(b"WWW-Authenticate").startswith(
        b'Bearer realm="X-Workload-Token", error="invalid_token"'
    )
    detail = json.loads(expired.body)["detail"]
    assert detail == "X-Workload-Token: The access token has expired"
    lines = await log.lines(started)
    assert [line["subject"] for line in lines] == ["alice", "alice"]
    assert lines[1]["detail"] == "X-Workload-Token: the token has expired"


async def test_the_workload_may_have_authorization_if_the_user_has_another_field(
    service: Service, started: RunningGateway
) -> None:
    answer = await ask(started, "/mesh/x", bearer(workload()), api_token())

    assert answer.status == 200
    assert service.requests[-1].one(b"X-Gateway-Subject") == b"alice"
    assert names(service.requests[-1]).isdisjoint((b"authorization", b"x-api-token"))
    assert reason(await ask(started, "/mesh/x", bearer())) == "token_missing"


# --- fields of tokens, on any route


@pytest.mark.parametrize("target", ["/plain/x", "/open/x", "/header/x", "/both/x"])
async def test_no_service_receives_a_field_that_is_for_tokens(
    service: Service, started: RunningGateway, target: str
) -> None:
    """A token that nobody has checked is no use to a service, and in a log it is a leak."""
    spellings = (b"x_api_token: a", b"X.Api.Token: a", b"X-WORKLOAD-TOKEN: " + workload())
    own = (api_token(),) if target == "/header/x" else (bearer(), api_token())
    forged = (b"X-Gateway-Workload: root",)

    answer = await ask(started, target, *own, *spellings, *forged)

    assert answer.status == 200
    received = service.requests[-1]
    assert not [one for one in names(received) if re.search(b"api.token|workload.token", one)]
    assert b"root" not in [value for _, value in received.fields]


async def test_a_header_takes_the_place_of_authorization(
    service: Service, started: RunningGateway
) -> None:
    answer = await ask(started, "/header/x", api_token())
    assert (answer.status, answer.one(b"Cache-Control")) == (200, b"private")
    assert (await ask(started, "/header/x", api_token(b"Bearer " + good_token()))).status == 200
    for lines, code in (
        ((bearer(),), "token_missing"),
        ((bearer(), api_token()), "token_repeated"),
        ((api_token(), api_token()), "token_repeated"),
        ((api_token(make_token(exp=1)),), "token_expired"),
        ((api_token(b"Basic eDp5"),), "token_missing"),
    ):
        assert reason(await ask(started, "/header/x", *lines)) == code
    assert len(service.requests) == 2


# --- in the query


@pytest.mark.parametrize(
    ("target", "forwarded"),
    [
        ("/query/x?access_token={}", b"/query/x"),
        ("/query/x?a=1&access_token={}&b=%20", b"/query/x?a=1&b=%20"),
        ("/query/x?access%5Ftoken={}&b", b"/query/x?b"),
        ("/query/x?a;access_token={}", b"/query/x?a"),
        ("/query/x?ACCESS_TOKEN={}", b"/query/x"),
    ],
)
async def test_a_token_in_the_query_goes_no_further(
    service: Service, started: RunningGateway, log: Log, target: str, forwarded: bytes
) -> None:
    """6750.12: and no cache may keep the response."""
    answer = await ask(started, target.format(good_token().decode()))

    assert answer.status == 200
    assert service.requests[-1].target == forwarded
    assert answer.one(b"Cache-Control") == b"private"
    (line,) = await log.lines(started)
    assert line["path"] == "/query/x"
    assert b"eyJ" not in service.received


async def test_a_token_in_the_query_counts_nowhere_else(
    service: Service, started: RunningGateway
) -> None:
    token = good_token().decode()

    assert reason(await ask(started, f"/plain/x?access_token={token}")) == "token_missing"
    assert (
        reason(await ask(started, f"/query/x?access_token={token}", bearer())) == "token_repeated"
    )
    twice = f"/query/x?access_token={token}&access_token={token}"
    assert reason(await ask(started, twice)) == "token_repeated"
    assert reason(await ask(started, "/query/x?access_token=")) == "token_malformed"
    assert (await ask(started, "/query/x?q=1", bearer())).status == 200
    assert [one.target for one in service.requests] == [b"/query/x?q=1"]


# --- as a subprotocol


def protocols(*offered: bytes) -> tuple[bytes, ...]:
    listed = b", ".join(offered)
    return (
        *(line.encode() for line in UPGRADE),
        b"Sec-WebSocket-Protocol: " + listed,
        b"Origin: https://app.example.com",
    )


async def shake_hands(
    gateway: RunningGateway, service: Service, *lines: bytes, chosen: bytes = b""
) -> Message:
    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        line = b"Sec-WebSocket-Protocol: " + chosen if chosen else b""
        wire.send(make_switch(line))

    service.script = switch
    client = await gateway.connect()
    client.send(make_request("/socket/x", *lines))
    return await read_head(client)


OWN: Final = b"bearer." + good_token()

CHOICES: Final = {
    "the gateway selects bearer alone": ((b"bearer", OWN), b"", b"bearer", b"bearer"),
    "or among others": ((OWN, b"chat", b"bearer"), b"", b"chat, bearer", b"bearer"),
    "the service selects": ((b"chat", OWN, b"bearer"), b"chat", b"chat, bearer", b"chat"),
    "the service selects bearer": ((b"bearer", OWN), b"bearer", b"bearer", b"bearer"),
    "nothing is selected that was not offered": ((OWN, b"chat"), b"", b"chat", None),
    "not even if nothing else was": ((OWN,), b"", None, None),
}


@pytest.mark.parametrize(
    ("offered", "chosen", "forwarded", "selected"), CHOICES.values(), ids=CHOICES.keys()
)
async def test_a_token_may_be_a_subprotocol_that_no_service_sees(
    service: Service,
    started: RunningGateway,
    offered: tuple[bytes, ...],
    chosen: bytes,
    forwarded: bytes | None,
    selected: bytes | None,
) -> None:
    """6455.1: the server selects one of those that were offered, or none."""
    answer = await shake_hands(started, service, *protocols(*offered), chosen=chosen)

    assert answer.status == 101
    assert answer.all(b"Sec-WebSocket-Protocol") == ([] if selected is None else [selected])
    received = service.requests[-1]
    assert received.all(b"Sec-WebSocket-Protocol") == ([] if forwarded is None else [forwarded])
    assert received.one(b"X-Gateway-Subject") == b"alice"
    assert b"eyJ" not in service.received


async def test_a_service_may_not_select_the_token(
    service: Service, started: RunningGateway
) -> None:
    """6455.1."""
    answer = await shake_hands(started, service, *protocols(b"bearer", OWN), chosen=OWN)

    assert answer.status == 502


async def test_a_token_as_a_subprotocol_is_judged_like_any_other(
    service: Service, started: RunningGateway
) -> None:
    cases = {
        "token_expired": protocols(b"bearer", b"bearer." + make_token(exp=1)),
        "token_repeated": protocols(OWN, b"Bearer." + good_token()),
        "token_missing": protocols(b"bearer"),
        "token_malformed": protocols(b"bearer, bearer."),
    }
    for code, lines in cases.items():
        assert reason(await ask(started, "/socket/x", *lines)) == code
    with_both = (*protocols(OWN), bearer())
    assert reason(await ask(started, "/socket/x", *with_both)) == "token_repeated"
    assert service.requests == []


async def test_on_other_routes_such_a_token_is_only_removed(
    service: Service, started: RunningGateway
) -> None:
    answer = await ask(started, "/plain/x", *protocols(b"chat", OWN))

    assert reason(answer) == "token_missing"
    await ask(started, "/plain/x", bearer(), b"Sec-WebSocket-Protocol: chat, " + OWN)
    assert service.requests[-1].one(b"Sec-WebSocket-Protocol") == b"chat"


# --- streams


@pytest.mark.parametrize("which", ["first", "second"])
async def test_a_stream_ends_with_the_earlier_of_its_tokens(
    service: Service, started: RunningGateway, log: Log, which: str
) -> None:
    soon = int(time.time()) + 300
    first = make_token(exp=soon) if which == "first" else good_token()
    also = workload(exp=soon) if which == "second" else workload()

    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(make_switch())

    service.script = switch
    client = await started.connect()
    client.send(make_request("/both/x", bearer(first), second(also), *UPGRADE))
    assert (await read_head(client)).status == 101

    started.pass_time(200)
    assert not client.has_ended
    started.pass_time(131)

    assert await client.read(2) == b"\x88\x0f"  # a Close frame
    client.transport.abort()
    (line,) = await log.lines(started)
    second_name = "X-Workload-Token: " if which == "second" else ""
    assert line["detail"] == f"{second_name}the token of the stream has expired"
    assert line["also"] == {"subject": "cart", "issuer": "mesh"}
