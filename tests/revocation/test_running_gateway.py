"""What a list says holds on the wire within one refresh, for tokens that are remembered too."""

import gzip
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from gateway.revocation.entries import MAX_LIST_BYTES
from tests.keyring.peers import IssuerPeer, MovableClock, body, until
from tests.proxy.gateways import AUDIENCE, ISSUER, ROUTES, bearer, make_token
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service, running_service
from tests.revocation.lists import listing
from tests.revocation.stage import Stage, stage, stage_settings

TOKEN = make_token(jti="t1", sub="alice", client_id="shop")
OTHER = make_token(jti="t2", sub="bob", client_id="till")
T1 = {"jti": "t1"}

Open = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running_service() as started:
        yield started


@pytest.fixture
def opened(service: Service, tmp_path: Path, clock: MovableClock) -> Open:
    """Start a gateway whose list is a source, with other sections changed."""

    def start(
        source: Mapping[str, Any] | None, **changes: Any
    ) -> AbstractAsyncContextManager[Stage]:
        return stage(stage_settings(tmp_path, service, source, **changes), clock)

    return start


async def test_a_remembered_token_stops_and_passes_again_with_its_entry(
    peer: IssuerPeer, opened: Open
) -> None:
    peer.answer = body(listing())
    async with opened({"url": f"{peer.url}/revoked"}) as running:
        for _ in range(2):
            assert await running.reason(TOKEN) is None

        peer.answer = body(listing(T1))
        await running.refresh()
        assert await running.reason(TOKEN) == "token_revoked"
        assert await running.reason(OTHER) is None

        peer.answer = body(listing())
        await running.refresh()
        assert await running.reason(TOKEN) is None


async def test_a_kept_connection_stops_with_its_token(peer: IssuerPeer, opened: Open) -> None:
    peer.answer = body(listing())
    async with opened({"url": peer.url}) as running:
        client = await running.gateway.connect()
        client.send(make_request("/api/x", bearer(TOKEN)))
        assert (await read_answer(client)).status == 200
        peer.answer = body(listing({"sub": "alice"}))

        await running.refresh()

        client.send(make_request("/api/x", bearer(TOKEN)))
        assert (await read_answer(client)).status == 401


async def test_a_revoked_token_is_an_invalid_token(peer: IssuerPeer, opened: Open) -> None:
    """6750.5: the client should get another one."""
    peer.answer = body(listing(T1))
    async with opened({"url": peer.url}) as running:
        answer = await running.ask(TOKEN)

        assert answer.status == 401
        challenge = answer.one(b"www-authenticate")
        assert b'error="invalid_token"' in challenge
        assert b"t1" not in challenge + answer.body
        counted = running.gateway.metric(
            "gateway_decisions_total", route="api", reason="token_revoked"
        )
        assert counted == 1


async def test_everything_of_a_user_until_now_is_ended_and_what_is_new_is_not(
    peer: IssuerPeer, opened: Open
) -> None:
    now = int(time.time())
    old, new = make_token(iat=now - 10, jti="old"), make_token(iat=now, jti="new")
    peer.answer = body(listing({"sub": "alice", "issued_before": now}))
    async with opened({"url": peer.url}) as running:
        assert await running.reason(old) == "token_revoked"
        assert await running.reason(new) is None


async def test_a_list_is_at_hand_before_the_first_request(peer: IssuerPeer, opened: Open) -> None:
    peer.answer = body(listing(T1))
    async with opened({"url": peer.url}) as running:
        assert await running.reason(TOKEN) == "token_revoked"
        assert len(peer.paths) == 1


async def test_public_routes_and_requests_without_a_token_ask_no_list(
    peer: IssuerPeer, opened: Open
) -> None:
    peer.answer = body(b"", status=500)
    async with opened({"url": peer.url}) as running:
        for target in ("/open/x", "/maybe/x"):
            assert (await running.gateway.ask(make_request(target))).status == 200


async def test_a_file_edited_in_place_is_read_again(tmp_path: Path, opened: Open) -> None:
    file = tmp_path / "revoked.json"
    file.write_bytes(listing())
    async with opened({"file": "revoked.json"}) as running:
        assert await running.reason(TOKEN) is None

        file.write_bytes(listing({"client_id": "shop"}))
        await running.refresh()

        assert await running.reason(TOKEN) == "token_revoked"
        file.write_bytes(listing({"client_id": "shop"})[:-3])  # half written
        await running.refresh()
        assert await running.reason(TOKEN) == "token_revoked"
        file.unlink()
        await running.refresh()
        assert await running.reason(TOKEN) == "token_revoked"


HUGE = b'{"revoked": [' + b" " * MAX_LIST_BYTES + b"]}"
BAD_LISTS = {
    "withdrawn": body(b"", status=404),
    "an error": body(b"", status=500),
    "garbage": body(b"\x00\xff<html>"),
    "huge": body(HUGE),
    "huge and packed": body(gzip.compress(HUGE), Content_Encoding="gzip"),
    "one bad entry": body(listing({"jti": "t2"}, {"jti": 5})),
    "a redirect elsewhere": body(b"", status=302, Location="https://evil.example/"),
}


@pytest.mark.parametrize("name", BAD_LISTS)
async def test_the_old_list_holds_while_no_good_one_comes(
    name: str, peer: IssuerPeer, opened: Open
) -> None:
    peer.answer = body(listing(T1))
    async with opened({"url": peer.url}) as running:
        peer.answer = BAD_LISTS[name]

        await running.refresh()

        assert await running.reason(TOKEN) == "token_revoked"
        assert await running.reason(OTHER) is None
        assert running.metric("fetch_failures_total") == 1


@pytest.mark.parametrize("name", BAD_LISTS)
async def test_without_a_list_all_tokens_are_refused_until_it_comes(
    name: str, peer: IssuerPeer, opened: Open
) -> None:
    """Fail closed; and a 503, for another token would not help."""
    peer.answer = BAD_LISTS[name]
    async with opened({"url": peer.url}) as running:
        answer = await running.ask(OTHER)
        assert answer.status == 503
        assert json.loads(answer.body)["reason"] == "revocations_unavailable"
        assert int(answer.one(b"retry-after")) > 0
        assert not answer.has(b"www-authenticate")

        peer.answer = body(listing(T1))
        await running.refresh()

        assert await running.reason(OTHER) is None
        assert await running.reason(TOKEN) == "token_revoked"


async def test_without_a_list_tokens_pass_where_that_was_asked_for(
    peer: IssuerPeer, opened: Open
) -> None:
    peer.answer = body(b"", status=500)
    async with opened({"url": peer.url, "on_failure": "allow"}) as running:
        assert await running.reason(TOKEN) is None
        assert (await running.admin("/readyz"))[0] == 200

        peer.answer = body(listing(T1))
        await running.refresh()

        assert await running.reason(TOKEN) == "token_revoked"


@pytest.mark.parametrize(
    ("on_failure", "later"), [("refuse", "revocations_unavailable"), ("allow", None)]
)
async def test_an_hour_without_the_lists_server_ends_as_configured_and_with_its_return(
    on_failure: str, later: str | None, peer: IssuerPeer, opened: Open
) -> None:
    peer.answer = body(listing(T1))
    async with opened({"url": peer.url, "on_failure": on_failure}) as running:
        peer.answer = body(b"", status=500)
        await running.refresh()
        assert await running.reason(TOKEN) == "token_revoked"

        running.clock.advance(3600.0)
        await until(
            lambda: not running.gateway.metric("gateway_revocation_entries", list="blocked")
        )
        assert await running.reason(TOKEN) == later
        assert (await running.admin("/readyz"))[0] == 200  # as of all gateways at that moment

        peer.answer = body(listing(T1))
        await running.refresh()
        assert await running.reason(TOKEN) == "token_revoked"
        assert (await running.admin("/readyz"))[0] == 200


async def test_operators_see_how_a_list_stands(peer: IssuerPeer, opened: Open) -> None:
    peer.answer = body(listing(T1, {"sub": "mallory"}))
    async with opened({"url": f"{peer.url}/r?key=s3cret"}) as running:
        peer.answer = body(b"", status=500)
        await running.refresh()
        _, status = await running.admin("/status")
        ready, readiness = await running.admin("/readyz")

        (shown,) = status["revocations"]
        assert (shown["name"], shown["location"]) == ("blocked", f"{peer.url}/r")
        assert (shown["entries"], shown["loaded"], shown["stale"]) == (2, True, False)
        assert (shown["fetches"], shown["failures"], shown["age_seconds"]) == (2, 1, 24.0)
        assert shown["last_error"] == f"{peer.url}/r: status 500 instead of 200"
        assert ready == 200
        assert readiness["revocations"][0]["failures_in_a_row"] == 1
        assert "mallory" not in json.dumps([status, readiness])
        assert "s3cret" not in json.dumps([status, readiness])
        assert (running.metric("entries"), running.metric("age_seconds")) == (2, 24)
        assert running.metric("age_limit_seconds") == 330


async def test_a_gateway_without_its_list_is_not_ready(peer: IssuerPeer, opened: Open) -> None:
    peer.answer = body(b"", status=500)
    async with opened({"url": peer.url}) as running:
        status, readiness = await running.admin("/readyz")

    assert status == 503
    assert readiness["not_ready"] == ["no revocation list blocked"]


async def test_a_list_for_want_of_which_nobody_is_refused_keeps_no_traffic_away(
    peer: IssuerPeer, opened: Open
) -> None:
    issuer = {
        "issuer": ISSUER,
        "jwks_file": "keys.json",
        "audiences": [AUDIENCE],
        "algorithms": ["ES256"],
        "mode": "report",
    }
    peer.answer = body(b"", status=500)
    async with opened({"url": peer.url}, issuers={"main": issuer}) as running:
        assert (await running.admin("/readyz"))[0] == 200
        assert await running.reason(TOKEN) is None


async def test_what_is_only_reported_passes_without_identity(
    peer: IssuerPeer, service: Service, opened: Open
) -> None:
    routes = [
        {**route, "mode": "report"} if route["name"] == "api" else dict(route) for route in ROUTES
    ]
    peer.answer = body(listing(T1))
    async with opened({"url": peer.url}, routes=routes) as running:
        assert await running.reason(TOKEN) is None
        assert not (await service.request()).has(b"x-gateway-subject")
        would = running.gateway.metric(
            "gateway_would_deny_total", route="api", reason="token_revoked"
        )
        assert would == 1


# --- reload


async def test_a_reload_keeps_a_list_whose_server_is_down(
    peer: IssuerPeer, service: Service, tmp_path: Path, opened: Open
) -> None:
    peer.answer = body(listing(T1))
    async with opened({"url": peer.url}) as running:
        peer.answer = body(b"", status=500)
        changed = stage_settings(tmp_path, service, {"url": peer.url, "fresh": "10s"})

        assert await running.gateway.gateway.reload(changed) is None

        assert await running.reason(TOKEN) == "token_revoked"
        assert await running.reason(OTHER) is None
        assert len(peer.paths) == 1


async def test_a_list_that_a_reload_brings_holds_for_the_next_request(
    peer: IssuerPeer, service: Service, tmp_path: Path, opened: Open
) -> None:
    peer.answer = body(listing(T1))
    async with opened(None) as running:
        assert await running.reason(TOKEN) is None
        with_list = stage_settings(tmp_path, service, {"url": peer.url})

        assert await running.gateway.gateway.reload(with_list) is None
        assert await running.reason(TOKEN) == "token_revoked"

        without = stage_settings(tmp_path, service, None)
        assert await running.gateway.gateway.reload(without) is None
        assert await running.reason(TOKEN) is None
