"""`gateway run` with several workers looks like one gateway: keys, lists, counts, responses."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.worker_world import (
    Fleet,
    Site,
    config_of,
    issuer_of,
    jwks,
    route,
    serving,
    site,
    token,
    until,
)

# So many connections reach both of two workers but once in 2^39 times.
MANY = 40


@pytest.fixture(scope="module")
def issuer() -> Iterator[Site]:
    with site() as one:
        for name in ("main", "asked", "rotated", "failing"):
            one.documents[f"/{name}"] = jwks("0")
        one.documents["/revoked"] = b'{"revoked": []}'
        yield one


@pytest.fixture(scope="module")
def service() -> Iterator[Site]:
    with site() as one:
        yield one


@pytest.fixture(scope="module")
def gateway(
    issuer: Site, service: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    """Two workers; each test has an issuer of its own to do what it likes with."""
    path = config_of(
        tmp_path_factory.mktemp("workers"),
        service.url,
        issuers={
            "main": issuer_of("main", issuer.url),
            "asked": issuer_of("asked", issuer.url, unknown_kid_cooldown="1h"),
            "rotated": issuer_of("rotated", issuer.url, unknown_kid_cooldown="1ms"),
            "failing": issuer_of("failing", issuer.url, unknown_kid_cooldown="1ms"),
        },
        revocations={
            "revoked": {"url": f"{issuer.url}/revoked", "issuers": ["main"], "fresh": "1s"}
        },
        routes=[
            route("all", "/", require={}),
            route("open", "/open/", public=True),
            route("count", "/count/", public=True),
        ],
    )
    with serving(path) as fleet:
        yield fleet


def test_each_issuer_is_asked_once_however_many_workers_there_are(tmp_path: Path) -> None:
    with site() as issuer:
        issuer.documents["/main"] = jwks("0")
        with serving(config_of(tmp_path, issuer.url, issuer.url, workers=4)) as fleet:
            assert len(fleet.workers()) == 4
            answers = [fleet.ask("/x", token()) for _ in range(MANY)]

    assert {answer.status for answer in answers} == {200}
    assert issuer.asked == {"/main": 1, "/x": MANY}


def test_connections_are_spread_over_the_workers_within_a_fifth(gateway: Fleet) -> None:
    before = gateway.per_worker("connections_total")
    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(gateway.connect())
        until(
            lambda: (
                sum(gateway.per_worker("connections_total").values()) >= sum(before.values()) + 1000
            )
        )
    after = gateway.per_worker("connections_total")

    taken = [after[pid] - before[pid] for pid in before]
    assert sum(taken) == 1000
    assert all(400 <= count <= 600 for count in taken), taken


def test_unknown_key_ids_at_all_workers_cause_one_fetch_in_the_cooldown(
    gateway: Fleet, issuer: Site
) -> None:
    before = issuer.asked["/asked"]
    answers = [
        gateway.ask("/", token("asked", said_kid=f"unknown-{number}")) for number in range(MANY)
    ]

    assert {answer.status for answer in answers} == {401}
    assert {answer.json()["reason"] for answer in answers} == {"key_unknown"}
    assert issuer.asked["/asked"] == before + 1


def test_a_new_key_of_the_issuer_is_good_at_all_workers_and_the_old_one_is_not(
    gateway: Fleet, issuer: Site
) -> None:
    assert gateway.ask("/", token("rotated", "0")).status == 200
    issuer.documents["/rotated"] = jwks("1")

    assert [gateway.ask("/", token("rotated", "1")).status for _ in range(MANY)] == [200] * MANY
    assert {gateway.ask("/", token("rotated", "0")).status for _ in range(MANY)} == {401}


def test_while_the_issuer_is_down_its_keys_serve_at_all_workers(
    gateway: Fleet, issuer: Site
) -> None:
    issuer.documents["/failing"] = 500
    assert gateway.ask("/", token("failing", said_kid="other")).status == 401
    (status,) = [one for one in gateway.status()["issuers"] if one["name"] == "failing"]
    assert "500" in status["last_error"]

    assert [gateway.ask("/", token("failing")).status for _ in range(MANY)] == [200] * MANY

    issuer.documents["/failing"] = jwks("0")


def test_a_list_that_changes_reaches_all_workers_and_ends_their_streams(
    gateway: Fleet, issuer: Site
) -> None:
    bearer = token(jti="stream-1")
    streams = gateway.on_each_worker(lambda: gateway.send("/events", bearer))
    assert len(streams) == 2
    for stream in streams.values():
        assert stream.recv(9) == b"HTTP/1.1 "

    issuer.documents["/revoked"] = b'{"revoked": [{"jti": "stream-1"}]}'

    for stream in streams.values():
        with stream:
            received = b""
            while not received.endswith(b"\r\n0\r\n\r\n"):  # else the time of the socket is up
                received += stream.recv(65536)
    assert {gateway.ask("/", bearer).json()["reason"] for _ in range(MANY)} == {"token_revoked"}
    assert gateway.ask("/", token(jti="another")).status == 200


def test_the_counts_of_all_workers_are_shown_as_one(gateway: Fleet) -> None:
    for number in range(MANY):
        assert gateway.ask(f"/count/{number}").status == 200

    assert gateway.metric("gateway_decisions_total", route="count", reason="allow") == MANY
    assert gateway.metric("http_server_request_duration_seconds_count", http_route="count") == MANY
    assert gateway.metric("gateway_workers") == 2
    each = gateway.per_worker("connections_total").values()
    assert all(count > 0 for count in each)
    assert gateway.metric("gateway_connections_total") >= sum(each)


def test_what_was_refused_is_found_whichever_worker_did_it(gateway: Fleet) -> None:
    for _ in range(MANY):
        refused = gateway.ask("/")
        found = gateway.get(f"/decisions/{refused.headers['X-Request-Id']}")
        assert found.status == 200
        assert found.json()["reason"] == "token_missing"
    assert gateway.get("/decisions/nowhere-1").status == 404


def test_all_workers_call_themselves_alike_and_the_explanation_knows_it(
    gateway: Fleet, service: Site
) -> None:
    service.headers.clear()
    for _ in range(MANY):
        assert gateway.ask("/open/via").status == 200
    (via,) = {headers["Via"] for headers in service.headers}

    explained = gateway.post("/explain", {"url": "http://a.test/open/via"})
    assert explained.status == 200
    assert via in json.dumps(explained.json())


def test_lines_of_the_access_log_never_run_into_each_other(gateway: Fleet) -> None:
    mark = "x" * 6000  # longer than what a pipe takes at once
    before = len(gateway.logged)
    with ExitStack() as stack:
        clients = [stack.enter_context(gateway.connect()) for _ in range(20)]
        request = f"GET /{mark} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode()
        for client in clients:
            client.sendall(request * 20)
        until(lambda: sum(mark in line for line in gateway.logged[before:]) >= 400)

    lines = [json.loads(line) for line in gateway.logged]  # each is whole, and one
    assert sum(line["path"] == f"/{mark}" for line in lines) == 400
    assert {line["reason"] for line in lines if line["path"] == f"/{mark}"} == {"token_missing"}
