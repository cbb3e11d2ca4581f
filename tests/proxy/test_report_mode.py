"""What only reports refuses nobody, and gives the service no more than a public route does."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, Final

import pytest
from jwt.algorithms import ECAlgorithm

from tests.http.writing.test_request_head import FORGED
from tests.keyring.peers import body as answer_with
from tests.keyring.peers import issuer_peer
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import (
    AUDIENCE,
    ISSUER,
    RunningGateway,
    bearer,
    good_token,
    load,
    make_token,
    write_config,
)
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.hostile import reason
from tests.proxy.messages import make_answer, make_request, read_answer, read_head
from tests.proxy.recording.test_record import Log, log
from tests.proxy.service import Script, Service, echo, serve
from tests.proxy.wire import Wire
from tests.tokens import make_private, mint

__all__ = ["log"]  # a fixture

PARTNER = "https://partner.example.com/"


def make_issuer(iss: str, jwks_url: str | None = None, **more: Any) -> dict[str, Any]:
    """Return an issuer whose keys lie in a file, or at *jwks_url*."""
    source = {"jwks_file": "keys.json"} if jwks_url is None else {"jwks_url": jwks_url}
    return {"issuer": iss, **source, "audiences": [AUDIENCE], "algorithms": ["ES256"], **more}


def make_issuers(jwks_url: str | None = None) -> dict[str, Any]:
    """Return the issuers; the keys of one lie at *jwks_url*."""
    return {
        "main": make_issuer(ISSUER, jwks_url),
        "other": make_issuer("https://other.example.com/"),
        "partner": make_issuer(PARTNER, mode="report"),
    }


# A whole WebSocket handshake (RFC 6455 §4.1).
HANDSHAKE: Final = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


def route(name: str, mode: str = "report", **require: Any) -> dict[str, Any]:
    """Return the route ``/NAME/…``."""
    match = {"path_prefix": f"/{name}/"}
    return {
        "name": name,
        "match": match,
        "upstream": "main",
        "require": require,
        "mode": mode,
        "upgrades": ["websocket"],
    }


def without_upgrades(name: str, mode: str) -> dict[str, Any]:
    """Return a route that never becomes a tunnel."""
    made = route(name, mode)
    del made["upgrades"]
    return made


def make_routes(mode: str = "report") -> list[dict[str, Any]]:
    return [
        {"name": "open", "match": {"path_prefix": "/open/"}, "upstream": "main", "public": True},
        route("api", mode, issuers=["main", "partner"], scopes=["api:read"]),
        route("ruled", mode, claims={"tenant": {"equals": "acme"}}),
        route("maybe", mode, optional=True),
        without_upgrades("plain", mode),
        route("strict", mode, audiences=["payments"], acr=["gold"], max_age="5m"),
        route("guarded", "enforce", issuers=["main", "partner"], scopes=["api:read"]),
        route("own", "enforce", issuers=["main"]),
    ]


CONFIG: dict[str, Any] = {
    "issuers": make_issuers(),
    "routes": make_routes(),
    "access_log": "stdout",
}


@pytest.fixture
async def reporting(log: Log, start_gateway: StartGateway) -> RunningGateway:
    assert not log.text  # it takes in what the gateway writes from here on
    return await start_gateway(**CONFIG)


def signed(which: int = 0, kid: str | None = "k1", algorithm: str = "ES256") -> bytes:
    """Return a token for alice, by key number *which* of its kind."""
    kind = "RSA" if algorithm == "RS256" else algorithm
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 600}
    return mint(make_private(kind, which), algorithm, claims, kid=kid)


def payment(**claims: Any) -> bytes:
    """Return the credentials of a token that is for the audience of the strictest route, too."""
    return bearer(make_token(aud=[AUDIENCE, "payments"], **claims))


def decisions(gateway: RunningGateway, name: str, reason: str = "allow") -> float:
    return gateway.metric("gateway_decisions_total", route=name, reason=reason)


def would_deny(gateway: RunningGateway, name: str, reason: str) -> float:
    return gateway.metric("gateway_would_deny_total", route=name, reason=reason)


# --- each kind of refusal

# The reason, the route, the credentials, and whether the signature held.
REFUSALS: list[tuple[str, str, Callable[[], list[bytes]], bool]] = [
    ("token_missing", "api", list, False),
    ("token_missing", "api", lambda: [b"Authorization: Basic YTpi"], False),
    ("token_repeated", "api", lambda: [bearer(), bearer()], False),
    ("token_repeated", "api", lambda: [bearer(good_token() + b", Bearer x")], False),
    ("token_malformed", "api", lambda: [bearer(b"eyJhbGciOiJFUzI1NiJ9.e30")], False),
    ("token_malformed", "api", lambda: [bearer(good_token() + b"x" * 9000)], False),
    ("token_malformed", "maybe", lambda: [bearer(good_token()[:-1] + b"!")], False),
    ("algorithm_not_allowed", "api", lambda: [bearer(signed(algorithm="RS256"))], False),
    ("key_unknown", "api", lambda: [bearer(signed(kid="k9"))], False),
    ("signature_invalid", "api", lambda: [bearer(signed(1))], False),
    ("token_expired", "api", lambda: [bearer(make_token(exp=1))], True),
    ("token_not_yet_valid", "api", lambda: [bearer(make_token(nbf=2**40))], True),
    ("issuer_unknown", "api", lambda: [bearer(make_token(iss="https://no.example/"))], False),
    ("audience_mismatch", "api", lambda: [bearer(make_token(aud="another"))], True),
    ("token_type_mismatch", "api", lambda: [bearer(make_token(nonce="n"))], True),
    ("claim_missing", "api", lambda: [bearer(make_token(exp=None))], False),
    ("claim_malformed", "api", lambda: [bearer(make_token(exp="soon"))], False),
    ("audience_mismatch", "strict", lambda: [bearer()], True),
    ("authentication_too_weak", "strict", lambda: [payment(acr="lead")], True),
    ("authentication_too_old", "strict", lambda: [payment(acr="gold", auth_time=1)], True),
    ("scope_missing", "api", lambda: [bearer(make_token("other"))], True),
    ("claim_rule_failed", "ruled", lambda: [bearer(make_token(tenant="globex"))], True),
    (
        "issuer_not_accepted",
        "api",
        lambda: [bearer(make_token(iss="https://other.example.com/"))],
        True,
    ),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: f"{case[0]}-{case[1]}")
async def test_each_refusal_for_a_token_is_reported_and_the_request_allowed(
    service: Service,
    reporting: RunningGateway,
    log: Log,
    case: tuple[str, str, Callable[[], list[bytes]], bool],
) -> None:
    """MCP.1, 6750.10: with nothing that would make it more than a request on a public route."""
    code, name, credentials, is_signed = case
    lines = credentials()

    public = await reporting.ask(make_request("/open/x", *FORGED))
    answer = await reporting.ask(make_request(f"/{name}/x", *lines, *FORGED))

    assert (answer.status, answer.body) == (public.status, public.body) == (200, b"hello")
    assert [name for name, _ in answer.fields] == [name for name, _ in public.fields]
    bare, seen = service.requests
    kept = [name for name, _ in seen.fields if name != b"Authorization"]
    assert kept == [name for name, _ in bare.fields]
    assert b"forged" not in service.received
    assert b"eyJ" not in service.received
    assert decisions(reporting, name) == 1
    assert would_deny(reporting, name, code) == 1
    assert "eyJ" not in reporting.page()
    usual, line = await log.lines(reporting)
    assert "would_deny" not in usual
    assert (line["status"], line["reason"], line["would_deny"]) == (200, None, code)
    assert line["detail"]
    assert (line["subject"] == "alice") is is_signed
    assert (line["issuer"] is not None) is is_signed
    assert "eyJ" not in log.text


async def test_a_good_token_counts_in_report_mode(
    service: Service, reporting: RunningGateway, log: Log
) -> None:
    await reporting.ask(make_request("/api/x", bearer(), *FORGED))

    assert service.requests[0].one(b"x-gateway-subject") == b"alice"
    assert b"forged" not in service.received
    assert "gateway_would_deny_total{" not in reporting.page()
    (line,) = await log.lines(reporting)
    assert "would_deny" not in line
    assert (line["subject"], line["detail"]) == ("alice", None)


async def test_reports_on_one_connection_are_told_apart(
    service: Service, reporting: RunningGateway, log: Log
) -> None:
    """The same bytes again, and good ones between: nothing remembered is used for another."""
    client = await reporting.connect()
    good = make_request("/api/x", bearer())
    expired = make_request("/api/x", bearer(make_token(exp=1)))
    for request in (good, expired, expired, good, make_request("/api/x"), good):
        client.send(request)
        assert (await read_answer(client)).status == 200

    subjects = [request.all(b"x-gateway-subject") for request in service.requests]
    assert subjects == [[b"alice"], [], [], [b"alice"], [], [b"alice"]]
    lines = await log.lines(reporting)
    assert [line.get("would_deny") for line in lines] == [
        None, "token_expired", "token_expired", None, "token_missing", None,
    ]  # fmt: skip


# --- the Authorization field

_EXPIRED = bearer(make_token(exp=1))
_VALUE = _EXPIRED.partition(b": ")[2]
_BASIC = b"Authorization: Basic YTpi"


@pytest.mark.parametrize("path", ["/open/x", "/api/x"])
@pytest.mark.parametrize(
    ("lines", "kept", "forwarded"),
    [
        ([_BASIC], [b"Basic YTpi"], [b"Basic YTpi"]),
        ([_EXPIRED], [], [_VALUE]),
        ([_BASIC + b", Bearer abc"], [], [b"Basic YTpi, Bearer abc"]),
        ([b'Authorization: "Bearer abc"'], [], [b'"Bearer abc"']),
        ([b"Authorization: \xa0Bearer abc"], [], [b"\xa0Bearer abc"]),
        ([b"Authorization: =Bearer:abc"], [], [b"=Bearer:abc"]),
        ([_BASIC + b",,'bEARER abc'"], [], [b"Basic YTpi,,'bEARER abc'"]),
        ([b'Authorization: Digest username="bearer"'], *[[b'Digest username="bearer"']] * 2),
        ([_BASIC, _EXPIRED], [], []),
        ([_EXPIRED, _BASIC], [], []),
        ([_BASIC, _BASIC], [], []),
        ([_EXPIRED] * 3, [], []),
    ],
)
async def test_authorization_is_that_of_a_public_route(
    service: Service,
    start_gateway: StartGateway,
    path: str,
    lines: list[bytes],
    kept: list[bytes],
    forwarded: list[bytes],
) -> None:
    """MCP.1: of two fields no bearer token slips to the service."""
    for forward_token, expected in ((False, kept), (True, forwarded)):
        gateway = await start_gateway(**CONFIG, identity={"forward_token": forward_token})

        assert (await gateway.ask(make_request(path, *lines))).status == 200

        assert service.requests[-1].all(b"authorization") == expected


# --- what is no matter of tokens


async def test_a_body_is_that_of_any_allowed_request(
    service: Service, reporting: RunningGateway, log: Log
) -> None:
    service.script = echo
    client = await reporting.connect()
    head = ("Expect: 100-continue", "Content-Length: 4")
    client.send(make_request("/api/x", *head, method="POST"))
    assert (await read_head(client)).status == 100
    client.send(b"body")
    assert (await read_answer(client)).body == b"/api/x body"

    client.send(make_request("/api/y", "Transfer-Encoding: chunked", method="PUT"))
    client.send(b"5\r\nchunk\r\n0\r\n\r\n")
    assert (await read_answer(client)).body == b"/api/y chunk"

    lines = await log.lines(reporting)
    assert [line["received_bytes"] for line in lines] == [4, 5]
    assert [line["would_deny"] for line in lines] == ["token_missing"] * 2


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (make_request("/nowhere/x"), "route_not_found"),
        (make_request("/api/../api/x"), "path_rejected"),
        (make_request("/api/x", host=None), "request_malformed"),
        (make_request("/api/x", "Content-Length: 1", "Transfer-Encoding: chunked"), None),
        (make_request("/api/x", *HANDSHAKE[:2]), "request_malformed"),
        (make_request("/plain/x", *HANDSHAKE), "not_supported"),
        (make_request("/api/x", method="TRACE"), "not_supported"),
        (make_request("/api/x", f"X: {'a' * 40_000}"), "headers_too_large"),
        (make_request("/api/" + "a" * 9000), "target_too_long"),
        (make_request("/api/x", method="POST", body=b"12345"), "body_too_large"),
    ],
)
async def test_what_is_wrong_with_the_request_itself_is_refused(
    service: Service, start_gateway: StartGateway, request_bytes: bytes, code: str | None
) -> None:
    gateway = await start_gateway(**CONFIG, limits={"body": "4B"})

    answer = await gateway.ask(request_bytes)

    assert answer.status >= 400
    assert code is None or reason(answer) == code
    assert service.requests == []


async def test_a_refusal_after_a_report_is_recorded_with_it(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    """It would have been refused for its token, before anybody looked at its body."""
    gateway = await start_gateway(**CONFIG, limits={"body": "4B"})
    await gateway.ask(make_request("/api/x", _EXPIRED, method="POST", body=b"12345"))

    assert decisions(gateway, "api", "body_too_large") == 1
    assert decisions(gateway, "api") == 0
    assert would_deny(gateway, "api", "token_expired") == 1
    (line,) = await log.lines(gateway)
    assert (line["reason"], line["would_deny"]) == ("body_too_large", "token_expired")
    assert line["detail"] == "Content-Length is over the limit"
    assert line["subject"] == "alice"


async def test_a_service_that_fails_does_not_hide_the_report(
    service: Service, reporting: RunningGateway, log: Log
) -> None:
    service.script = serve(b"nonsense\r\n\r\n")
    answer = await reporting.ask(make_request("/api/x", _EXPIRED))

    assert reason(answer) == "upstream_invalid"
    assert would_deny(reporting, "api", "token_expired") == 1
    (line,) = await log.lines(reporting)
    assert (line["status"], line["reason"]) == (502, "upstream_invalid")
    assert line["would_deny"] == "token_expired"


async def test_a_client_that_left_does_not_hide_the_report(
    service: Service, reporting: RunningGateway, log: Log
) -> None:
    async def never_answer(service: Service, wire: Wire) -> None:
        await service.read_request(wire)

    service.script = never_answer
    client = await reporting.connect()
    client.send(make_request("/api/x"))
    await service.request()
    client.reset()
    await (await service.connection()).wait_end()

    (line,) = await log.lines(reporting)

    assert (line["status"], line["would_deny"]) == (499, "token_missing")


# --- what lasts


def lasting(answer: bytes) -> Script:
    """Return a script that answers the first request with *answer*, then with whatever comes."""

    async def script(service: Service, wire: Wire) -> None:
        await read_head(wire)
        wire.send(answer)
        while not wire.has_ended:
            wire.send(await wire.read(4))

    return script


async def test_a_tunnel_allowed_by_report_mode_ends_with_no_token(
    service: Service, reporting: RunningGateway, log: Log
) -> None:
    service.script = lasting(SWITCHED)
    client = await reporting.connect()
    client.send(make_request("/api/x", *UPGRADE, _EXPIRED))
    assert (await read_head(client)).status == 101

    reporting.pass_time(1e6)
    client.send(b"ping")

    assert await client.read(4) == b"ping"
    assert would_deny(reporting, "api", "token_expired") == 0  # once it has ended, as any tunnel
    client.reset()
    await (await service.connection()).wait_end()
    (line,) = await log.lines(reporting)
    assert (line["status"], line["would_deny"]) == (101, "token_expired")
    assert (line["reason"], line["received_bytes"]) == (None, 4)


async def test_an_event_stream_allowed_by_report_mode_ends_with_no_token(
    service: Service, reporting: RunningGateway
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 8\r\n\r\n"
    service.script = serve(head + b"one\n")
    client = await reporting.connect()
    client.send(make_request("/api/x", _EXPIRED))
    assert (await read_head(client)).status == 200
    assert await client.read(4) == b"one\n"

    reporting.pass_time(1e6)
    (await service.connection()).send(b"two\n")

    assert await client.read(4) == b"two\n"


@pytest.mark.parametrize(
    ("path", "issuer", "name"),
    [("/api/x", ISSUER, "main"), ("/guarded/x", PARTNER, "partner")],
    ids=["route", "issuer"],
)
async def test_a_tunnel_that_outlasts_its_token_goes_on_and_is_reported(
    service: Service, reporting: RunningGateway, log: Log, path: str, issuer: str, name: str
) -> None:
    """To end it would be to refuse somebody for a token, after all."""
    service.script = lasting(SWITCHED)
    client = await reporting.connect()
    client.send(make_request(path, *UPGRADE, bearer(make_token(iss=issuer))))
    assert (await read_head(client)).status == 101

    reporting.pass_time(1e6)
    reporting.pass_time(1e6)
    client.send(b"ping")

    assert await client.read(4) == b"ping"
    assert "gateway_streams_expired_total{" not in reporting.page()
    client.reset()
    await (await service.connection()).wait_end()
    route = path.split("/")[1]
    assert would_deny(reporting, route, "token_expired") == 1
    assert decisions(reporting, route) == 1
    (line,) = await log.lines(reporting)
    assert (line["status"], line["reason"], line["would_deny"]) == (101, None, "token_expired")
    assert line["detail"] == "the token of the stream has expired"
    assert (line["subject"], line["issuer"]) == ("alice", name)


async def test_an_event_stream_that_outlasts_its_token_goes_on_and_is_reported(
    service: Service, reporting: RunningGateway
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 8\r\n\r\n"
    service.script = serve(head + b"one\n")
    client = await reporting.connect()
    client.send(make_request("/api/x", bearer()))
    assert (await read_head(client)).status == 200
    assert await client.read(4) == b"one\n"

    reporting.pass_time(1e6)
    (await service.connection()).send(b"two\n")

    assert await client.read(4) == b"two\n"
    assert would_deny(reporting, "api", "token_expired") == 1
    assert service.requests[0].one(b"x-gateway-subject") == b"alice"


async def test_a_tunnel_without_report_mode_ends_with_its_token(
    service: Service, reporting: RunningGateway
) -> None:
    service.script = lasting(SWITCHED)
    client = await reporting.connect()
    client.send(make_request("/guarded/x", *UPGRADE, bearer()))
    assert (await read_head(client)).status == 101

    reporting.pass_time(1e6)

    assert (await client.read(2))[:1] == b"\x88"  # a Close frame
    assert "gateway_would_deny_total{" not in reporting.page()


# --- an issuer that only reports


def of_partner(scope: str | None = "api:read", which: int = 0, **claims: Any) -> bytes:
    """Return the credentials of a token that names the issuer that only reports."""
    if not which:
        return bearer(make_token(scope, iss=PARTNER, **claims))
    now = int(time.time())
    forged = {"iss": PARTNER, "aud": AUDIENCE, "sub": "mallory", "exp": now + 600, **claims}
    return bearer(mint(make_private("ES256", which), "ES256", forged))


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (of_partner(which=1), "signature_invalid"),
        (of_partner(exp=1), "token_expired"),
        (of_partner(aud="another"), "audience_mismatch"),
        (of_partner(exp=None), "claim_missing"),
        (of_partner(nonce="n"), "token_type_mismatch"),
    ],
)
async def test_a_token_that_fails_at_an_issuer_in_report_mode_gives_no_identity(
    service: Service, reporting: RunningGateway, log: Log, line: bytes, code: str
) -> None:
    assert (await reporting.ask(make_request("/guarded/x", line, *FORGED))).status == 200

    assert b"x-gateway" not in service.received.lower()
    assert b"eyJ" not in service.received
    assert would_deny(reporting, "guarded", code) == 1
    (entry,) = await log.lines(reporting)
    assert (entry["would_deny"], entry["route"]) == (code, "guarded")


@pytest.mark.parametrize(
    ("path", "line", "code"),
    [
        ("/guarded/x", of_partner("other"), "scope_missing"),
        ("/guarded/x", bearer(signed(1)), "signature_invalid"),
        ("/guarded/x", bearer(make_token(exp=1)), "token_expired"),
        ("/guarded/x", bearer(make_token(iss="https://no.example/")), "issuer_unknown"),
        ("/own/x", of_partner(which=1), "signature_invalid"),
        ("/own/x", of_partner(exp=1), "issuer_not_accepted"),
        ("/own/x", of_partner(), "issuer_not_accepted"),
        ("/own/x", of_partner(which=1, exp=None), "signature_invalid"),
    ],
)
async def test_an_issuer_in_report_mode_opens_nothing_else(
    service: Service, reporting: RunningGateway, log: Log, path: str, line: bytes, code: str
) -> None:
    """Neither what a route asks for beyond it, nor a route that does not take its tokens."""
    answer = await reporting.ask(make_request(path, line))

    assert reason(answer) == code
    assert service.received == b""
    assert "gateway_would_deny_total{" not in reporting.page()
    (entry,) = await log.lines(reporting)
    assert "would_deny" not in entry


async def test_a_good_token_of_an_issuer_in_report_mode_has_its_identity(
    service: Service, reporting: RunningGateway
) -> None:
    assert (await reporting.ask(make_request("/guarded/x", of_partner()))).status == 200

    assert service.requests[0].one(b"x-gateway-issuer") == PARTNER.encode()


# --- keys that are not at hand


async def test_an_issuer_that_is_down_is_reported(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    down = "http://127.0.0.1:1/keys"
    issuers = {
        "main": make_issuer(ISSUER, down),
        "partner": make_issuer(PARTNER, down, mode="report"),
    }
    gateway = await start_gateway(**{**CONFIG, "issuers": issuers})

    assert (await gateway.ask(make_request("/api/x", bearer()))).status == 200
    assert (await gateway.ask(make_request("/guarded/x", of_partner()))).status == 200
    assert (await gateway.ask(make_request("/guarded/x", bearer()))).status == 503

    assert len(service.requests) == 2
    assert b"x-gateway" not in service.received.lower()
    assert would_deny(gateway, "api", "keys_unavailable") == 1
    assert would_deny(gateway, "guarded", "keys_unavailable") == 1
    lines = await log.lines(gateway)
    assert [line.get("would_deny") for line in lines] == ["keys_unavailable"] * 2 + [None]


async def test_an_unknown_key_is_asked_for_once_and_reported(
    service: Service, start_gateway: StartGateway, log: Log
) -> None:
    jwk = ECAlgorithm.to_jwk(make_private("ES256").public_key(), as_dict=True)
    async with issuer_peer() as issuer:
        keys = [{**jwk, "kid": "k1", "alg": "ES256"}]
        issuer.answer = answer_with(json.dumps({"keys": keys}).encode())
        gateway = await start_gateway(**{**CONFIG, "issuers": make_issuers(f"{issuer.url}/jwks")})
        assert issuer.paths == ["/jwks"]

        for kid in ("k8", "k9", "k9"):
            await gateway.ask(make_request("/api/x", bearer(signed(kid=kid))))
        await gateway.ask(make_request("/guarded/x", bearer(signed(kid="k9"))))

        assert issuer.paths == ["/jwks"] * 2
    assert len(service.requests) == 3
    assert would_deny(gateway, "api", "key_unknown") == 3
    *lines, refused = await log.lines(gateway)
    assert [line["would_deny"] for line in lines] == ["key_unknown"] * 3
    wanted = [line["detail"].split("; ")[1] for line in lines]
    assert wanted == [f"wanted from main: '{kid}' for ES256" for kid in ("k8", "k9", "k9")]
    assert (refused["reason"], refused["status"]) == ("key_unknown", 401)
    assert "; wanted from main: 'k9' for ES256; keys held: 'k1'; fetched " in refused["detail"]


async def test_the_key_that_a_report_was_for_may_come_with_the_fetch(
    service: Service, start_gateway: StartGateway
) -> None:
    """Then there is nothing to report: the token is good."""
    jwk = ECAlgorithm.to_jwk(make_private("ES256").public_key(), as_dict=True)

    def keys(*kids: str) -> bytes:
        return json.dumps({"keys": [{**jwk, "kid": kid, "alg": "ES256"} for kid in kids]}).encode()

    async with issuer_peer() as issuer:
        issuer.answer = answer_with(keys("k0"))
        gateway = await start_gateway(**{**CONFIG, "issuers": make_issuers(f"{issuer.url}/jwks")})
        issuer.answer = answer_with(keys("k0", "k1"))

        await gateway.ask(make_request("/api/x", bearer()))

    assert service.requests[0].one(b"x-gateway-subject") == b"alice"
    assert "gateway_would_deny_total{" not in gateway.page()


# --- reloads


async def test_a_reload_begins_and_ends_report_mode_with_the_next_request(
    service: Service, reporting: RunningGateway, tmp_path: Any, log: Log
) -> None:
    client = await reporting.connect()
    statuses = []
    for mode in ("report", "enforce", "report"):
        changes = {**CONFIG, "routes": make_routes(mode)}
        await reporting.gateway.reload(load(write_config(tmp_path, [service.url], changes)))
        told = (await reporting.gateway.status())["report_only"]
        routes = ["api", "ruled", "maybe", "plain", "strict"] if mode == "report" else []
        assert told == {"routes": routes, "issuers": ["partner"]}
        for _ in range(2):
            client.send(make_request("/api/x", _EXPIRED))
            statuses.append((await read_answer(client)).status)

    assert statuses == [200, 200, 401, 401, 200, 200]
    assert len(service.requests) == 4
    assert would_deny(reporting, "api", "token_expired") == 4
    assert decisions(reporting, "api", "token_expired") == 2
    lines = await log.lines(reporting)
    assert [line.get("would_deny") for line in lines] == [
        *["token_expired"] * 2, None, None, *["token_expired"] * 2,
    ]  # fmt: skip


async def test_many_requests_that_would_be_refused_are_all_allowed(
    service: Service, reporting: RunningGateway
) -> None:
    service.script = serve(make_answer(b"hello"))
    answers = await asyncio.gather(
        *(reporting.ask(make_request("/api/x", _EXPIRED)) for _ in range(50))
    )

    assert {answer.status for answer in answers} == {200}
    assert would_deny(reporting, "api", "token_expired") == 50
