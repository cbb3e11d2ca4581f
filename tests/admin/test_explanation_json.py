"""An explanation as JSON has every member, and only JSON values."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.explanation import view_as_json
from tests.admin.test_explanation import tell_of
from tests.proxy.messages import make_request

MEMBERS = [
    *(
        "verdict",
        "status",
        "grpc_status",
        "reason",
        "would_deny",
        "detail",
        "documentation",
        "at",
        "request",
    ),
    *("login", "route", "upstream", "servers", "steps", "routes", "other_routes"),
    *("identity", "forwarded", "answer"),
]


def as_json(directory: Path, head: bytes, **changes: Any) -> dict[str, Any]:
    members = json.loads(json.dumps(view_as_json(tell_of(directory, head, **changes))))
    assert isinstance(members, dict)
    return members


def test_what_is_allowed_is_forwarded(tmp_path: Path) -> None:
    members = as_json(tmp_path, make_request("/open/x?y", "X-A: zo\u00eb"))

    assert list(members) == MEMBERS
    assert (members["verdict"], members["status"], members["answer"]) == ("allow", None, None)
    assert members["request"] == {"method": "GET", "host": "gateway.test", "target": "/open/x?y"}
    assert members["forwarded"].startswith("GET /open/x?y HTTP/1.1\r\nHost: gateway.test\r\n")
    assert members["forwarded"].endswith("\r\n\r\n")
    assert "X-A: zo\\xeb\r\n" in members["forwarded"]  # of Latin-1, which is not UTF-8


def test_what_is_refused_is_answered(tmp_path: Path) -> None:
    members = as_json(tmp_path, make_request("/api/x"))

    assert list(members) == MEMBERS
    assert (members["verdict"], members["status"], members["forwarded"]) == ("refused", 401, None)
    assert (members["reason"], members["would_deny"]) == ("token_missing", None)
    assert members["answer"]["head"].startswith("HTTP/1.1 401 Unauthorized\r\n")
    assert json.loads(members["answer"]["body"])["reason"] == "token_missing"
    assert [(step["check"], step["reason"]) for step in members["steps"]][-1] == (
        "credential",
        "token_missing",
    )


def test_what_was_no_request_is_told_too(tmp_path: Path) -> None:
    members = as_json(tmp_path, b"nonsense\r\n\r\n")

    assert members["request"] == {"method": "", "host": "", "target": ""}
    assert (members["routes"], members["other_routes"]) == ([], {})


@given(head=st.binary(max_size=60).map(lambda it: b"GET /x HTTP/1.1\r\nX: " + it + b"\r\n\r\n"))
def test_any_request_can_be_told(head: bytes, tmp_path_factory: Any) -> None:
    """Every byte of a head has some form in JSON."""
    assert list(as_json(tmp_path_factory.mktemp("told"), head)) == MEMBERS
