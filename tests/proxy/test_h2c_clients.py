"""Real clients that offer HTTP/2 in the clear with every request, and are content without it."""

import asyncio
from pathlib import Path

import pytest

from tests.end_to_end.conftest import program
from tests.hanging import LIMIT_SECONDS
from tests.proxy.gateways import RunningGateway
from tests.proxy.service import Service, echo

JAVA = Path(__file__).parent / "java" / "Asks.java"
OFFER = {b"upgrade", b"http2-settings", b"connection"}


async def run(*command: str) -> str:
    """Return what *command* writes; it must end well, in time."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            out, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode()
    return out.decode()


def assert_no_offer(service: Service) -> None:
    for request in service.requests:
        assert not OFFER & {name.lower() for name, _ in request.fields}


async def test_javas_client_gets_responses_to_requests_with_and_without_a_body(
    service: Service, gateway: RunningGateway
) -> None:
    """RFC 9110 §7.8: its offer of h2c was answered with 501, or with a body 400."""
    service.script = echo
    host, port = gateway.address

    said = await run(program("java"), str(JAVA), f"http://{host}:{port}/open/java")

    large = "x" * 100_000
    bodies = ["", "hello", "in chunks", large, large]
    expected = [f"HTTP_1_1 200 /open/java {body}" for body in bodies] * 2
    assert said.splitlines() == expected
    assert [request.body.decode() for request in service.requests] == bodies * 2
    assert_no_offer(service)


@pytest.mark.parametrize("body", [None, "hello", "x" * 100_000], ids=["GET", "small", "large"])
@pytest.mark.parametrize("framing", ["Content-Length", "Transfer-Encoding: chunked"])
async def test_curl_with_http2_gets_its_responses(
    service: Service, gateway: RunningGateway, tmp_path: Path, body: str | None, framing: str
) -> None:
    """RFC 9110 §7.8."""
    service.script = echo
    host, port = gateway.address
    command = [program("curl"), "-sS", "--http2", "-w", " %{http_version} %{http_code}\n"]
    if body is not None:
        (tmp_path / "body").write_text(body)
        command += ["--data-binary", f"@{tmp_path / 'body'}"]
        if ":" in framing:
            command += ["-H", framing]

    said = await run(*command, *[f"http://{host}:{port}/open/curl"] * 3)

    assert said == f"/open/curl {body or ''} 1.1 200\n" * 3
    assert [request.body.decode() for request in service.requests] == [body or ""] * 3
    assert_no_offer(service)
