"""Sessions on the admin port: listed without secrets, and ended one by one or by subject."""

import json
from dataclasses import replace

import pytest

from gateway.admin.sessions import login_status, session_status
from gateway.login.session import Session
from gateway.login.store import StoreUnavailable
from gateway.oauth.endpoints import EndpointsStatus
from tests.admin.peers import admin_port
from tests.login.sessions import make_session
from tests.login.world import login_settings

ALICE = replace(make_session(), id=b"\x01" * 32, subject="alice")
BOB = replace(make_session(), id=b"\x02" * 32, subject="bob")


def sessions() -> list[Session]:
    return [ALICE, BOB]


async def test_sessions_are_listed_all_or_of_a_subject() -> None:
    async with admin_port() as port:
        port.gateway.held = sessions()
        listed = await port.ask("/sessions")
        of_bob = await port.ask("/sessions?subject=bob")

    assert (listed.status, listed.headers["Cache-Control"]) == (200, "no-store")
    assert json.loads(listed.body) == {"sessions": [session_status(one) for one in sessions()]}
    assert [one["subject"] for one in json.loads(of_bob.body)["sessions"]] == ["bob"]


def test_a_session_is_shown_without_its_tokens() -> None:
    shown = session_status(ALICE)

    assert set(shown) == {
        "id", "login", "issuer", "subject", "begun_at", "used_at", "ends_at", "refreshes",
    }  # fmt: skip
    assert shown["id"] == "01" * 32
    assert shown["ends_at"] == ALICE.expires_at


async def test_one_session_is_ended_by_its_id() -> None:
    async with admin_port() as port:
        port.gateway.held = sessions()
        path = f"/sessions/{'02' * 32}"
        first, second = await port.ask(path, "DELETE"), await port.ask(path, "DELETE")

    assert (first.status, json.loads(first.body)) == (200, {"ended": 1})
    assert second.status == 404
    assert port.gateway.held == [ALICE]


async def test_all_sessions_of_a_subject_are_ended() -> None:
    async with admin_port() as port:
        port.gateway.held = [*sessions(), replace(ALICE, id=b"\x03" * 32)]
        answer = await port.ask("/sessions?subject=alice", "DELETE")

    assert (answer.status, json.loads(answer.body)) == (200, {"ended": 2})
    assert port.gateway.held == [BOB]


@pytest.mark.parametrize(
    "query", ["", "?subject=", "?subject=a&subject=b", "?user=a", "?subject=a&x=1"]
)
async def test_nobody_ends_all_sessions_by_mistake(query: str) -> None:
    async with admin_port() as port:
        port.gateway.held = sessions()
        answer = await port.ask(f"/sessions{query}", "DELETE")

    assert answer.status == 400
    assert port.gateway.held == sessions()


@pytest.mark.parametrize("session_id", ["x", "02" * 31, "0g" * 32, "AB" * 32])
async def test_what_is_no_id_is_refused(session_id: str) -> None:
    async with admin_port() as port:
        answer = await port.ask(f"/sessions/{session_id}", "DELETE")

    assert answer.status == 400


@pytest.mark.parametrize(
    ("path", "method"),
    [("/sessions", "GET"), ("/sessions?subject=a", "DELETE"), (f"/sessions/{'01' * 32}", "DELETE")],
)
async def test_a_store_that_fails_is_named(path: str, method: str) -> None:
    async with admin_port() as port:
        port.gateway.store_fault = StoreUnavailable("Redis does not respond")
        answer = await port.ask(path, method)

    assert answer.status == 503
    assert "Redis does not respond" in json.loads(answer.body)["detail"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_sessions_need_the_token_of_the_port(method: str) -> None:
    async with admin_port(token="t") as port:
        port.gateway.held = sessions()
        answer = await port.ask("/sessions?subject=alice", method)

    assert answer.status == 401
    assert port.gateway.held == sessions()


def test_a_login_is_shown_with_the_state_of_its_issuers_endpoints() -> None:
    endpoints = EndpointsStatus("main", True, 1.5, 0, None)

    assert login_status(login_settings(), endpoints) == {
        "login": "web",
        "issuer": "main",
        "store": "memory",
        "loaded": True,
        "age_seconds": 1.5,
        "failures_in_a_row": 0,
        "last_error": None,
    }
