"""The access log in the combined format: one line for each request, as in JSON."""

import json
import re
from pathlib import Path

import pytest

from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, load, make_token, write_config
from tests.proxy.handshakes import SWITCHED, UPGRADE
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.wire import Wire
from tests.tokens import make_private, mint

COMBINED = {"to": "stdout", "format": "combined"}


async def lines_of(gateway: RunningGateway, capture: pytest.CaptureFixture[str]) -> list[str]:
    """Stop *gateway* and return its lines, with a fixed word for the time."""
    await gateway.stop()
    text = re.sub(r"\[\d\d/\w{3}/\d{4}(:\d\d){3} \+0000\]", "[now]", capture.readouterr().out)
    return text.splitlines()


async def test_an_allowed_request_is_one_line(
    service: Service, start_gateway: StartGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    gateway = await start_gateway(access_log=COMBINED)
    fields = (bearer(), "Referer: https://shop.example.com/cart?id=7", "user-agent: curl/8.14.1")
    await gateway.ask(make_request("/api/orders?secret=1", *fields, method="POST", body=b"12345"))

    assert await lines_of(gateway, capfd) == [
        '127.0.0.1 - alice [now] "POST /api/orders HTTP/1.1" 200 5 '
        '"https://shop.example.com/cart" "curl/8.14.1"'
    ]


async def test_a_kept_connection_has_a_line_for_each_request(
    start_gateway: StartGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    """On the quick way, too, where the fields of a head are not read again."""
    gateway = await start_gateway(access_log=COMBINED)
    client = await gateway.connect()
    for number in range(3):
        client.send(make_request(f"/api/{number}", bearer(), "User-Agent: one"))
        await read_answer(client)

    assert await lines_of(gateway, capfd) == [
        f'127.0.0.1 - alice [now] "GET /api/{number} HTTP/1.1" 200 5 "-" "one"'
        for number in range(3)
    ]


@pytest.mark.parametrize(
    ("request_bytes", "line"),
    [
        (make_request("/api/a"), '- [now] "GET /api/a HTTP/1.1" 401 0 "-" "-"'),
        (make_request("/admin/a", bearer()), 'alice [now] "GET /admin/a HTTP/1.1" 403 0 "-" "-"'),
        (make_request("/no", "User-Agent: x"), '- [now] "GET /no HTTP/1.1" 404 0 "-" "x"'),
        (b"GET /open/ HTTP/1.0\r\n\r\n", '- [now] "GET /open/ HTTP/1.0" 400 0 "-" "-"'),
        (b"\x16\x03\x01\r\n\r\n", '- [now] "-" 400 0 "-" "-"'),
    ],
)
async def test_a_refused_request_is_one_line_and_kept_in_full(
    request_bytes: bytes, line: str, start_gateway: StartGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is asked for by its id later is not in this format."""
    gateway = await start_gateway(access_log=COMBINED)
    answer = await gateway.ask(request_bytes)
    request_id = json.loads(answer.body)["instance"]
    remembered = await gateway.gateway.decision(request_id)

    assert await lines_of(gateway, capfd) == [f"127.0.0.1 - {line}"]
    assert remembered is not None
    assert remembered["status"] == int(line.split(" ")[-4])


async def test_a_tunnel_is_one_line_when_it_is_over(
    service: Service, start_gateway: StartGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    async def switch(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(SWITCHED + b"12345678")
        await wire.wait_end()

    service.script = switch
    gateway = await start_gateway(access_log=COMBINED)
    client = await gateway.connect()
    client.send(make_request("/open-socket/x", *UPGRADE))
    await client.read_until(b"12345678")
    client.reset()
    await (await service.connection()).wait_end()

    assert await lines_of(gateway, capfd) == [
        '127.0.0.1 - - [now] "GET /open-socket/x HTTP/1.1" 101 8 "-" "-"'
    ]


async def test_the_subject_of_an_invalid_token_is_not_named(
    start_gateway: StartGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    gateway = await start_gateway(access_log=COMBINED)
    forged = mint(make_private("ES256", 1), "ES256", {"sub": "mallory"})
    await gateway.ask(make_request("/api/a", bearer(forged)))
    await gateway.ask(make_request("/api/a", bearer(make_token(sub="bob", exp=1))))

    lines = await lines_of(gateway, capfd)

    assert [line.split(" ")[2] for line in lines] == ["-", "bob"]


async def test_a_reload_changes_the_format_for_requests_decided_after_it(
    service: Service,
    start_gateway: StartGateway,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    gateway = await start_gateway(access_log="stdout")
    client = await gateway.connect()
    for access_log in ("stdout", COMBINED, "stdout"):
        settings = load(write_config(tmp_path, [service.url], {"access_log": access_log}))
        assert await gateway.gateway.reload(settings) is None
        client.send(make_request("/open/x"))
        await read_answer(client)

    lines = await lines_of(gateway, capfd)

    assert [line[:1] for line in lines] == ["{", "1", "{"]


async def test_without_an_access_log_nothing_is_written(
    start_gateway: StartGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    gateway = await start_gateway(access_log={"to": "none", "format": "combined"})
    await gateway.ask(make_request("/api/a"))
    await gateway.ask(make_request("/api/a", bearer()))

    assert await lines_of(gateway, capfd) == []
