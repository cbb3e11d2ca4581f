"""A remembered refusal is shown without the owner of the token."""

from pathlib import Path

from gateway.admin.explain import remembered_decision
from tests.proxy.gateways import load, write_config

LINE = {
    "time": "2026-11-24T14:11:16.044Z",
    "id": "67dd6d2eaf47c6-000000002",
    "client": "127.0.0.1",
    "method": "GET",
    "host": "a.test",
    "path": "/api/x",
    "route": "api",
    "upstream": "main",
    "status": 403,
    "reason": "scope_missing",
    "detail": "the route requires api:read",
    "subject": "alice",
    "issuer": "main",
    "sent_bytes": 0,
    "received_bytes": 0,
    "duration_ms": 0.36,
    "upstream_ms": None,
}


def test_a_refusal_has_its_reason_the_place_of_its_route_and_its_page(tmp_path: Path) -> None:
    path = write_config(tmp_path, ["http://a.test"], {})
    policy = load(path).policy
    (api,) = [route for route in policy.routes.routes if route.name == "api"]

    assert remembered_decision(LINE, policy) == {
        "id": "67dd6d2eaf47c6-000000002",
        "time": "2026-11-24T14:11:16.044Z",
        "client": "127.0.0.1",
        "method": "GET",
        "host": "a.test",
        "path": "/api/x",
        "route": "api",
        "upstream": "main",
        "status": 403,
        "reason": "scope_missing",
        "would_deny": None,
        "detail": "the route requires api:read",
        "issuer": "main",
        "place": api.place,
        "documentation": "docs/reasons.md#scope_missing-403",
    }


def test_what_was_only_reported_has_its_reason_too(tmp_path: Path) -> None:
    policy = load(write_config(tmp_path, ["http://a.test"], {})).policy
    line = {**LINE, "status": 200, "reason": None, "would_deny": "token_expired"}

    shown = remembered_decision(line, policy)

    assert (shown["reason"], shown["would_deny"]) == (None, "token_expired")
    assert shown["documentation"] == "docs/reasons.md#token_expired-401"


def test_a_route_that_is_gone_has_no_place(tmp_path: Path) -> None:
    policy = load(write_config(tmp_path, ["http://a.test"], {})).policy

    for route in (None, "gone"):
        assert remembered_decision({**LINE, "route": route}, policy)["place"] is None
