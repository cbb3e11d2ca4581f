"""A request that a running gateway refused is shown by its ID."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.cli.config_files import VALID, run, write_config
from tests.cli.peers import closed_port, http_peer

ID = "67dd6d2eaf47c6-000000002"
DECISION = {
    "id": ID,
    "time": "2026-11-24T14:11:16.044Z",
    "client": "127.0.0.1",
    "method": "GET",
    "host": "api.example",
    "path": "/tenants/globex/orders/7",
    "route": "read-order",
    "upstream": "orders",
    "status": 403,
    "reason": "claim_rule_failed",
    "would_deny": None,
    "detail": "the rule does not hold: tenant equals {path.tenant}",
    "issuer": "main",
    "place": "gateway.yaml:21",
    "documentation": "docs/reasons.md#claim_rule_failed-403",
}


def ask(decision: object, *arguments: str, status: int = 200) -> Result:
    body = decision if isinstance(decision, bytes) else json.dumps(decision).encode()
    with http_peer(body, status) as url:
        return run("explain", "--request-id", ID, "--admin", url, *arguments)


def test_a_refusal_is_shown_with_its_reason_and_its_route() -> None:
    done = ask(DECISION)

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "refused: 403 claim_rule_failed",
        "  because: the rule does not hold: tenant equals {path.tenant}",
        "  what to do: gateway help claim_rule_failed",
        "  GET /tenants/globex/orders/7 on api.example, at 2026-11-24T14:11:16.044Z",
        "  route read-order  [gateway.yaml:21]",
        "  from 127.0.0.1, with a token of main",
    ]


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        (
            {"status": 200, "reason": None, "would_deny": "scope_missing"},
            {
                0: "allowed: status 200",
                1: f"  only reported: scope_missing: {DECISION['detail']}",
            },
        ),
        (
            {"route": None, "issuer": None, "place": None},
            {4: "  route none", 5: "  from 127.0.0.1, with a token of no known issuer"},
        ),
        (
            {"detail": "\x1b[2J\r\n", "host": "\u202e"},
            {1: r"  because: \x1b[2J\r\n", 3: f"  GET {DECISION['path']} on \\u202e, at "
             f"{DECISION['time']}"},
        ),
    ],
)  # fmt: skip
def test_each_line_says_what_there_is(changes: Mapping[str, Any], lines: Mapping[int, str]) -> None:
    shown = ask({**DECISION, **changes}).stdout.split("\n")

    assert {number: shown[number] for number in lines} == lines


def test_json_is_what_the_gateway_says() -> None:
    assert json.loads(ask(DECISION, "--format", "json").stdout) == DECISION


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        (b"{}", 404, 1, "not among the last refusals"),
        (b"{}", 401, 3, "the admin port requires a token: see --admin-token"),
        (b"{}", 500, 3, "unexpected response of the admin port (status 500)"),
        (b"ok", 200, 3, "unexpected response of the admin port (status 200)"),
        (b"[]", 200, 3, "unexpected response of the admin port (status 200)"),
        (b"[" * 60_000, 200, 3, "unexpected response of the admin port (status 200)"),
    ],
)
def test_what_is_no_answer_ends_with_one_line(
    body: bytes, status: int, code: int, said: str
) -> None:
    done = ask(body, status=status)

    assert (done.exit_code, done.stdout) == (code, "")
    assert done.stderr == f"gateway: {said}\n"


def test_without_a_url_the_configuration_says_where_to_ask(tmp_path: Path) -> None:
    with http_peer(json.dumps(DECISION).encode()) as url:
        text = f"admin: {{address: '{url.removeprefix('http://')}', token_env: NO_SUCH_TOKEN}}\n"
        path = write_config(tmp_path, VALID + text)
        done = run("explain", "--request-id", ID, "--config", path)

    assert done.exit_code == 0


def test_nobody_there_ends_with_3() -> None:
    url = f"http://127.0.0.1:{closed_port()}"

    done = run("explain", "--request-id", ID, "--admin", url)

    assert (done.exit_code, done.stdout) == (3, "")
    assert "connection refused" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--request-id", "hush"], "--request-id: not the X-Request-Id of a gateway"),
        (["--request-id", f"{ID}/../../status"], "--request-id: not the X-Request-Id"),
        (["GET", "http://a/", "--request-id", ID], "names a past request"),
        (["--request-id", ID, "--expect", "allow"], "names a past request"),
        (["--request-id", ID, "--at", "0"], "names a past request"),
        (["--request-id", ID, "--claims", "{}"], "names a past request"),
        (["GET", "http://a/", "--admin", "http://a"], "require --request-id"),
        (["GET", "http://a/", "--admin-token", "-"], "require --request-id"),
        (["--request-id", ID, "--admin", "a:1"], "write it like http://127.0.0.1:9901"),
        (["--request-id", ID, "--admin", "http://a", "--admin-token", "hush"], "history"),
    ],
)
def test_what_was_asked_wrongly_ends_with_2(arguments: list[str], said: str) -> None:
    done = run("explain", *arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "hush" not in done.stderr
