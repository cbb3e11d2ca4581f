"""What a service with credentials receives: one token, never the client's, or nothing at all."""

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.decision.explaining.steps import Check
from gateway.decision.verdict import Allow
from gateway.fetching.clock import Clock
from gateway.http.rehearsal import NOT_SHOWN, REQUEST_ID, Rehearsal
from gateway.settings.load import Loaded, load_settings
from gateway.settings.values.configuration import Settings
from tests.proxy.fake_logins import HOST, LoginWorld, login_sections, running_logins
from tests.proxy.gateways import (
    RunningGateway,
    bearer,
    make_token,
    running_gateway,
    write_config,
)
from tests.proxy.messages import make_answer, make_request, read_head
from tests.proxy.service import Service, running_service, serve
from tests.service_tokens.token_server import (
    CLIENT_ID,
    SECRET,
    TYPES,
    Answer,
    TokenServer,
    hang_up,
    never_end,
    respond,
    token_server,
)

OWN, EXCHANGE = "client_credentials", "token_exchange"

ROUTES: list[dict[str, Any]] = [
    {"name": "open", "match": {"path_prefix": "/open/"}, "upstream": "main", "public": True},
    {
        "name": "socket",
        "match": {"path_prefix": "/socket/"},
        "upstream": "main",
        "require": {},
        "upgrades": ["websocket"],
    },
    {"name": "api", "match": {"path_prefix": "/api/"}, "upstream": "main", "require": {}},
]


@dataclass
class World:
    """A gateway between a token server and a service that records what it receives."""

    server: TokenServer
    service: Service
    gateway: RunningGateway

    async def ask(self, *lines: bytes, target: str = "/api/x") -> tuple[int, list[bytes]]:
        """Return the status, and what the service received as Authorization."""
        before = len(self.service.requests)
        answer = await self.gateway.ask(make_request(target, *lines))
        got = self.service.requests[before:]
        return answer.status, [value for one in got for value in one.all(b"authorization")]


def configure(
    directory: Path, service: Service, grant: str, server: TokenServer, **changes: Any
) -> Settings:
    """Return settings whose upstream gets tokens by *grant*; *changes* are of the credentials."""
    more: Mapping[str, Any] = changes.pop("more_issuers", {})
    others: Mapping[str, Any] = changes.pop("sections", {})
    client = {
        "token_url": f"{server.url}/token",
        "client_id": CLIENT_ID,
        "client_secret": "${SECRET}",
        **changes,
    }
    routes = [one for one in ROUTES if grant == OWN or not one.get("public")]
    client = {name: one for name, one in client.items() if one is not None}
    sections = {"upstream": {"credentials": {grant: client}}, "routes": routes, **others}
    path = write_config(directory, [service.url], sections)
    config = yaml.safe_load(path.read_text())
    config["issuers"] |= more
    path.write_text(yaml.safe_dump(config))
    loaded = load_settings(path, {"SECRET": SECRET})
    assert isinstance(loaded, Loaded), loaded
    return loaded.settings


@asynccontextmanager
async def world(
    directory: Path, grant: str = OWN, clock: Clock | None = None, **changes: Any
) -> AsyncIterator[World]:
    answer: Answer | None = changes.pop("answer", None)
    members = changes.pop("members", {})
    async with token_server() as server, running_service() as service:
        server.answer, server.members = answer, members
        settings = configure(directory, service, grant, server, **changes)
        async with running_gateway(settings, clock) as gateway:
            yield World(server, service, gateway)


# --- the gateway's own token


async def test_6749_4_4_2_the_service_receives_the_gateways_token_and_nothing_of_the_client(
    tmp_path: Path,
) -> None:
    """6749.12."""
    more: dict[str, Any] = {"scopes": ["a", "b"], "audience": "orders"}
    more["resource"] = "https://orders.test/"
    async with world(tmp_path, **more) as one:
        assert await one.ask(bearer()) == (200, [b"Bearer own-1"])
        assert await one.ask(bearer()) == (200, [b"Bearer own-1"])

        assert one.server.forms == [
            {
                "grant_type": "client_credentials",
                "scope": "a b",
                "audience": "orders",
                "resource": "https://orders.test/",
            }
        ]
        assert one.server.users == [f"{CLIENT_ID}:{SECRET}"]


@pytest.mark.parametrize("scheme", ["Basic", "Digest", "Bearer"])
async def test_on_a_public_route_too_nothing_of_the_client_is_sent(
    scheme: str, tmp_path: Path
) -> None:
    async with world(tmp_path) as one:
        sent = b"Authorization: " + scheme.encode() + b" " + b64encode(b"a:b")

        assert await one.ask(sent, target="/open/x") == (200, [b"Bearer own-1"])
        assert await one.ask(target="/open/x") == (200, [b"Bearer own-1"])


async def test_a_refused_request_asks_nobody_and_sends_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, EXCHANGE) as one:
        assert await one.ask() == (401, [])
        assert one.server.forms == []
        assert one.service.requests == []


async def test_the_metadata_of_an_issuer_name_the_token_endpoint(tmp_path: Path) -> None:
    async with token_server() as server, running_service() as service:
        issuers = {"as": {"issuer": server.url, "discovery": True, "audiences": ["x"]}}
        changes = {"issuer": "as", "token_url": None, "more_issuers": issuers}
        settings = configure(tmp_path, service, OWN, server, **changes)
        async with running_gateway(settings) as gateway:
            assert await World(server, service, gateway).ask(bearer()) == (200, [b"Bearer own-1"])


WITHOUT: Mapping[str, tuple[Answer | None, Mapping[str, Any]]] = {
    "down": (hang_up, {}),
    "an error of the server": (respond({"error": "server_error"}, 500), {}),
    "unavailable": (respond(b"", 503, Retry_After="3"), {}),
    "another client": (respond({"error": "invalid_client"}, 401), {}),
    "no JSON": (respond(b"<html>"), {}),
    "an endless body": (never_end, {"timeout": "2s"}),
    "another type of token": (None, {"members": {"token_type": "DPoP"}}),
    "no type of token": (None, {"members": {"token_type": None}}),
    "no token": (None, {"members": {"access_token": None}}),
    "a token that breaks the line": (None, {"members": {"access_token": "a\r\nX-Evil: 1"}}),
    "expired at once": (None, {"members": {"expires_in": 0}}),
    "no time at all": (None, {"members": {"expires_in": "soon"}}),
    "a redirect": (respond(b"", 302, Location="/elsewhere"), {}),
}


@pytest.mark.parametrize("grant", [OWN, EXCHANGE])
@pytest.mark.parametrize(("answer", "more"), list(WITHOUT.values()), ids=list(WITHOUT))
async def test_without_a_usable_token_nothing_is_sent(
    grant: str, answer: Answer | None, more: Mapping[str, Any], tmp_path: Path
) -> None:
    async with world(tmp_path, grant, answer=answer, **more) as one:
        refused = await one.gateway.ask(make_request("/api/x", bearer()))

        assert refused.status == 503
        assert b'"service_token_unavailable"' in refused.body
        assert refused.one(b"retry-after") == b"5"
        assert SECRET.encode() not in refused.body
        assert one.service.connections == []


async def test_a_slow_server_is_waited_for_no_longer_than_the_timeout(tmp_path: Path) -> None:
    async with world(tmp_path, EXCHANGE, timeout="200ms") as one:
        one.server.gate.clear()

        assert await one.ask(bearer()) == (503, [])
        assert one.service.connections == []


# --- callers' tokens


async def test_8693_2_1_the_caller_s_token_is_exchanged_once(tmp_path: Path) -> None:
    """8693.1."""
    token = make_token()
    more: dict[str, Any] = {"scopes": ["orders"], "audience": "orders"}
    async with world(tmp_path, EXCHANGE, **more) as one:
        for _ in range(3):
            assert await one.ask(bearer(token)) == (200, [b"Bearer of-alice-1"])

        assert one.server.forms == [
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token": token.decode(),
                "subject_token_type": f"{TYPES}access_token",
                "requested_token_type": f"{TYPES}access_token",
                "scope": "orders",
                "audience": "orders",
            }
        ]


async def test_requests_with_one_token_share_one_exchange(tmp_path: Path) -> None:
    async with world(tmp_path, EXCHANGE) as one:
        one.server.gate.clear()
        asking = [
            asyncio.create_task(one.gateway.ask(make_request("/api/x", bearer())))
            for _ in range(20)
        ]
        await one.server.wait_for(1)
        one.server.gate.set()
        answers = await asyncio.gather(*asking)

        assert {answer.status for answer in answers} == {200}
        assert len(one.server.forms) == 1


async def test_no_caller_s_request_carries_the_token_of_another(tmp_path: Path) -> None:
    """8693.4."""
    names = [f"caller{number}" for number in range(12)]
    tokens = {name: make_token(sub=name) for name in names}
    async with world(tmp_path, EXCHANGE) as one:
        one.server.gate.clear()

        async def send(name: str) -> int:
            line = bearer(tokens[name])
            return (await one.gateway.ask(make_request(f"/api/{name}", line))).status

        asking = [asyncio.create_task(send(name)) for name in names * 5]
        await one.server.wait_for(len(names))
        one.server.gate.set()
        assert set(await asyncio.gather(*asking)) == {200}

        assert len(one.server.forms) == len(names)
        assert len(one.service.requests) == 5 * len(names)
        for request in one.service.requests:
            name = request.target.removeprefix(b"/api/")
            assert request.one(b"authorization").startswith(b"Bearer of-" + name + b"-")


REFUSALS = ["invalid_request", "invalid_grant", "invalid_target", "access_denied"]


@pytest.mark.parametrize("code", REFUSALS)
async def test_8693_2_2_2_a_refusal_of_the_caller_is_403(code: str, tmp_path: Path) -> None:
    """8693.3."""
    async with world(tmp_path, EXCHANGE, answer=respond({"error": code}, 400)) as one:
        for _ in range(2):
            refused = await one.gateway.ask(make_request("/api/x", bearer()))
            assert refused.status == 403
            assert b'"token_exchange_refused"' in refused.body

        assert one.service.connections == []
        assert len(one.server.forms) == 1  # remembered for a moment


@pytest.mark.parametrize(
    "kind", [None, f"{TYPES}id_token", f"{TYPES}jwt", "N_A", 7, f"{TYPES}access_token "]
)
async def test_8693_2_2_1_a_token_of_another_type_than_asked_for_is_not_sent(
    kind: object, tmp_path: Path
) -> None:
    """8693.2."""
    async with world(tmp_path, EXCHANGE, members={"issued_token_type": kind}) as one:
        assert await one.ask(bearer()) == (503, [])


async def test_a_jwt_can_be_asked_for(tmp_path: Path) -> None:
    async with world(tmp_path, EXCHANGE, requested_token_type="jwt") as one:
        assert await one.ask(bearer()) == (200, [b"Bearer of-alice-1"])
        assert one.server.forms[0]["requested_token_type"] == f"{TYPES}jwt"


# --- handshakes


@pytest.mark.parametrize(
    ("grant", "wanted"), [(OWN, b"Bearer own-1"), (EXCHANGE, b"Bearer of-alice-1")]
)
async def test_a_handshake_carries_the_token(grant: str, wanted: bytes, tmp_path: Path) -> None:
    async with world(tmp_path, grant) as one:
        wire = await one.gateway.connect()
        lines = [
            b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]  # fmt: skip
        wire.send(make_request("/socket/x", bearer(), *lines))
        assert (await read_head(wire)).status == 200  # the service only records

        assert one.service.requests[0].one(b"authorization") == wanted
        assert one.service.requests[0].one(b"upgrade") == b"websocket"


# --- what the service responds


async def test_a_401_replaces_a_token_of_more_than_a_minute(tmp_path: Path) -> None:
    clock = SteadyClock()
    async with world(tmp_path, clock=clock) as one:
        one.service.script = serve(make_answer(b"no", status=401))
        for _ in range(3):
            assert await one.ask(bearer()) == (401, [b"Bearer own-1"])
        clock.ahead_seconds = 61
        assert await one.ask(bearer()) == (401, [b"Bearer own-1"])
        await one.server.wait_for(2)
        assert len(one.server.forms) == 2


class SteadyClock:
    """The machine's clock, which a test can put forward; nothing sleeps until then."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def now(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead_seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


# --- what is told of it beforehand


@pytest.mark.parametrize("grant", [OWN, EXCHANGE])
@pytest.mark.parametrize("target", ["/api/x", "/open/x"])
async def test_a_rehearsal_writes_what_the_service_receives(
    grant: str, target: str, tmp_path: Path
) -> None:
    if grant == EXCHANGE and target == "/open/x":
        return  # no such route: there would be no token
    async with world(tmp_path, grant) as one:
        settings = one.gateway.gateway._settings
        pseudonym = one.gateway.gateway._pseudonym
        rehearsal = Rehearsal(settings, "127.0.0.1", pseudonym)
        request = make_request(target, bearer())
        read = rehearsal.read(request)
        keys, now = one.gateway.gateway.fetched.keyring.keys, time.time()
        explained = rehearsal.explain(read, keys, now, {})
        assert isinstance(explained.verdict, Allow)
        assert explained.steps[-1].check is Check.SERVICE_TOKEN
        written = rehearsal.render(read, explained.verdict, now)
        assert (await one.gateway.ask(request)).status == 200

        received = one.service.received
        (token,) = one.service.requests[0].all(b"authorization")
        (request_id,) = one.service.requests[0].all(b"x-request-id")
        shown = received.replace(token, b"Bearer " + NOT_SHOWN).replace(request_id, REQUEST_ID)
        assert shown == written


# --- browsers, and limits


@asynccontextmanager
async def browsers(
    directory: Path,
) -> AsyncIterator[tuple[LoginWorld, TokenServer, Service]]:
    """Yield a gateway with logins whose service gets callers' tokens exchanged."""
    (directory / "client.secret").write_text(SECRET)
    async with token_server() as server, running_service() as service:
        client = {"client_id": CLIENT_ID, "client_secret_file": "client.secret"}
        asked = {EXCHANGE: {"token_url": f"{server.url}/token", **client}}
        routes = [one for one in login_sections()["routes"] if one["name"] in {"app", "socket"}]
        changes = {"routes": routes, "upstream": {"credentials": asked}}
        async with running_logins(directory, [service.url], **changes) as one:
            yield one, server, service


async def test_the_token_of_a_session_is_exchanged_for_its_own_browser_only(
    tmp_path: Path,
) -> None:
    """8693.4."""
    names = ["alice", "bob", "carol"]
    async with browsers(tmp_path) as (one, server, service):
        cookies = {
            name: one.logins.begin(name, make_token(sub=name), subject=name) for name in names
        }

        async def send(name: str) -> int:
            lines = (cookies[name], b"Sec-Fetch-Site: same-origin")
            request = make_request(f"/app/{name}", *lines, host=HOST)
            return (await one.gateway.ask(request)).status

        server.gate.clear()
        asking = [asyncio.create_task(send(name)) for name in names * 4]
        await server.wait_for(len(names))
        server.gate.set()
        assert set(await asyncio.gather(*asking)) == {200}

        assert len(server.forms) == len(names)
        for request in service.requests:
            name = request.target.removeprefix(b"/app/")
            assert request.one(b"authorization").startswith(b"Bearer of-" + name + b"-")


async def test_a_refreshed_session_is_exchanged_anew(tmp_path: Path) -> None:
    async with browsers(tmp_path) as (one, server, service):
        cookie = one.logins.begin("s1", make_token(jti="first"), check_at=0.0)
        request = make_request("/app/x", cookie, host=HOST)
        assert (await one.gateway.ask(request)).status == 200
        one.logins.begin("s1", make_token(jti="second"))
        assert (await one.gateway.ask(request)).status == 200

        assert len({form["subject_token"] for form in server.forms}) == 2
        got = [message.one(b"authorization") for message in service.requests]
        assert got == [b"Bearer of-alice-1", b"Bearer of-alice-2"]


async def test_a_request_over_a_rate_limit_costs_no_exchange(tmp_path: Path) -> None:
    limits = {"few": {"key": "subject", "rate": "1/1h"}}
    routes = [{**one, "rate_limits": ["few"]} for one in ROUTES if one["name"] == "api"]
    async with token_server() as server, running_service() as service:
        sections = {"rate_limits": limits, "routes": routes}
        settings = configure(tmp_path, service, EXCHANGE, server, sections=sections)
        async with running_gateway(settings) as gateway:
            one = World(server, service, gateway)
            assert await one.ask(bearer(make_token(jti="a"))) == (200, [b"Bearer of-alice-1"])
            assert await one.ask(bearer(make_token(jti="b"))) == (429, [])

            assert len(server.forms) == 1


async def test_a_request_with_a_slot_gives_it_back(tmp_path: Path) -> None:
    """A limit on requests in flight counts the wait for a token, and the slot is freed once."""
    async with token_server() as server, running_service() as service:
        sections = {"limits": {"requests": 1}}
        settings = configure(tmp_path, service, EXCHANGE, server, sections=sections)
        async with running_gateway(settings) as gateway:
            one = World(server, service, gateway)
            server.gate.clear()
            first = asyncio.create_task(one.ask(bearer()))
            await server.wait_for(1)
            assert (await one.ask(bearer(make_token(sub="bob"))))[0] == 503
            server.gate.set()
            assert await first == (200, [b"Bearer of-alice-1"])

            for _ in range(3):
                assert await one.ask(bearer()) == (200, [b"Bearer of-alice-1"])


async def test_a_client_that_leaves_while_it_waits_sends_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, EXCHANGE) as one:
        one.server.gate.clear()
        wire = await one.gateway.connect()
        wire.send(make_request("/api/x", bearer()))
        await one.server.wait_for(1)
        wire.transport.abort()
        await one.gateway.wait_still(lambda: len(one.service.connections))
        one.server.gate.set()

        assert await one.ask(bearer(make_token(sub="bob"))) == (200, [b"Bearer of-bob-2"])
        assert len(one.service.requests) == 1
