"""The requests of the demo, without a demo."""

import json
import shlex
import socket

import pytest
from aiohttp import web

from gateway.cli.demo.exchanges import (
    EXCHANGES,
    Exchange,
    all_as_expected,
    curl_line,
    outcome,
    outcomes_as_json,
    print_outcomes,
    rows_of,
    send_all,
    token_for,
)
from gateway.issuer.listening import bind_loopback, origin_of, serving
from gateway.issuer.personas import PERSONAS

TOKENS = {name: f"head.{name}-claims.{name}-signature" for name in PERSONAS}
ORIGIN = "http://127.0.0.1:8080"


def test_the_demo_shows_an_allowed_an_unauthenticated_and_a_forbidden_request() -> None:
    statuses = {exchange.refusal.status if exchange.refusal else 200 for exchange in EXCHANGES}

    assert statuses == {200, 401, 403}


def test_a_stolen_signature_stands_under_claims_of_another() -> None:
    """RFC 7515 §5.2: a signature is of one header and one payload."""
    stolen = Exchange("", "GET", "/", "alice", stolen_by="mallory")

    assert token_for(stolen, TOKENS) == "head.alice-claims.mallory-signature"


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.title)
def test_a_shell_reads_a_curl_line_as_the_request(exchange: Exchange) -> None:
    words = shlex.split(curl_line(exchange, ORIGIN, TOKENS))

    assert words[:2] == ["curl", "-i"]
    assert ORIGIN + exchange.path in words
    assert (exchange.method in words) is (exchange.method != "GET")
    token = token_for(exchange, TOKENS)
    assert (words[-3:-1] == ["--oauth2-bearer", token]) is (token is not None)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"headers": [["X-Gateway-Subject", "alice"]]}, "200 as alice"),
        (200, {"headers": [["Host", "x"]]}, "200 as nobody"),
        (200, {"headers": [["x-gateway-subject", "a"], ["X-Gateway-Subject", "b"]]}, "200 as a, b"),
        (403, {"reason": "scope_missing"}, "403 scope_missing"),
        (200, [], "200 with an unexpected body"),
    ],
)
def test_an_outcome_says_who_was_seen_or_why_not(status: int, body: object, expected: str) -> None:
    assert outcome(status, json.dumps(body).encode()) == expected


def test_an_answer_that_is_not_json_is_not_as_expected() -> None:
    assert outcome(502, b"<html>") == "502 with an unexpected body"


def test_one_outcome_that_differs_fails_the_whole() -> None:
    good = [exchange.expected for exchange in EXCHANGES]

    assert all_as_expected(rows_of(good))
    for index in range(len(good)):
        changed = [*good[:index], "200 as root", *good[index + 1 :]]
        assert not all_as_expected(rows_of(changed))


def test_the_table_marks_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    good = [exchange.expected for exchange in EXCHANGES]

    print_outcomes(rows_of(["503 keys_unavailable", *good[1:]]))

    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["FAILED", *["ok"] * (len(good) - 1)]
    assert "503 keys_unavailable" in lines[0]


def test_the_same_as_json_says_whether_each_step_is_as_expected() -> None:
    good = [exchange.expected for exchange in EXCHANGES]

    shown = json.loads(outcomes_as_json(rows_of(["503 keys_unavailable", *good[1:]])))

    assert not shown["as_expected"]
    assert [step["as_expected"] for step in shown["steps"]] == [False, *[True] * (len(good) - 1)]
    assert shown["steps"][0]["got"] == "503 keys_unavailable"


async def test_a_gateway_that_is_not_there_is_an_outcome() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound but not listening: nobody else gets the port
        outcomes = await send_all(f"http://127.0.0.1:{bound.getsockname()[1]}", TOKENS)

    assert len(outcomes) == len(EXCHANGES)
    assert all(got.startswith("no response") for got in outcomes)


async def test_the_gateway_is_not_told_what_asks_it() -> None:
    bound = bind_loopback("127.0.0.1", 0)
    seen = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers["User-Agent"])
        return web.Response()

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", answer)
    async with serving(application, bound):
        await send_all(origin_of(bound), TOKENS)

    assert set(seen) == {"jwt-gateway"}
