"""Real clients of HTTP/2: in the clear with prior knowledge, and over TLS by ALPN."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from playwright.async_api import async_playwright

from tests.certificates import AUTHORITY, trusting, write_pair
from tests.end_to_end.conftest import program
from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import bearer
from tests.proxy.service import Service, echo
from tests.proxy.test_h2c_clients import JAVA, run

LARGE = "x" * 100_000


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a client finds the gateway, and whom it has to trust."""

    origin: str
    authority: Path
    is_tls: bool


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
async def reached(
    request: pytest.FixtureRequest,
    service: Service,
    start_gateway: StartGateway,
    tmp_path: Path,
) -> Reached:
    service.script = echo
    authority = tmp_path / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(authority)
    changes: dict[str, Any] = {}
    if request.param:
        write_pair(tmp_path, AUTHORITY.issue_cert("127.0.0.1", "localhost"))
        tls = {"certificate": "server.pem", "key": "server.key"}
        changes["listen"] = {"address": "127.0.0.1:0", "tls": tls}
    gateway = await start_gateway(**changes)
    scheme = "https" if request.param else "http"
    return Reached(f"{scheme}://127.0.0.1:{gateway.address[1]}", authority, request.param)


@pytest.mark.parametrize("body", [None, "hello", LARGE], ids=["GET", "small", "large"])
async def test_curl_gets_its_responses(
    service: Service, reached: Reached, tmp_path: Path, body: str | None
) -> None:
    mode = "--http2" if reached.is_tls else "--http2-prior-knowledge"
    command = [program("curl"), "-sS", mode, "--cacert", str(reached.authority)]
    command += ["-w", " %{http_version} %{http_code}\n"]
    if body is not None:
        (tmp_path / "body").write_text(body)
        command += ["--data-binary", f"@{tmp_path / 'body'}"]

    said = await run(*command, *[f"{reached.origin}/open/curl"] * 3)

    assert said == f"/open/curl {body or ''} 2 200\n" * 3
    assert [request.body.decode() for request in service.requests] == [body or ""] * 3


async def test_curl_sends_a_body_without_a_length(
    service: Service, reached: Reached, tmp_path: Path
) -> None:
    """RFC 9113 §8.1: it is sent on in chunks, and ends where the stream ends."""
    (tmp_path / "body").write_text(LARGE)
    mode = "--http2" if reached.is_tls else "--http2-prior-knowledge"
    command = [program("curl"), "-sS", mode, "--cacert", str(reached.authority)]
    command += ["-T", "-", "-X", "POST", f"{reached.origin}/open/curl"]

    said = await run("sh", "-c", '"$@" <"$0"', str(tmp_path / "body"), *command)

    assert said == f"/open/curl {LARGE}"
    assert service.requests[0].one(b"transfer-encoding") == b"chunked"


async def test_nghttp_gets_a_hundred_responses_at_once(service: Service, reached: Reached) -> None:
    origin = reached.origin
    urls = [f"{origin}/open/nghttp/{number}" for number in range(100)]

    # It does not verify certificates, and says so.
    said = await run(program("nghttp"), "--no-dep", "--no-verify-peer", *urls)

    got = Counter(re.findall(r"/open/nghttp/\d+", said))
    assert got == Counter(f"/open/nghttp/{number}" for number in range(100))
    assert len(service.requests) == 100


async def test_h2load_gets_a_response_to_every_request(service: Service, reached: Reached) -> None:
    command = [program("h2load"), "-n", "2000", "-c", "4", "-m", "32"]
    command += ["-H", bearer().decode(), f"{reached.origin}/api/h2load"]

    said = await run(*command)

    assert "2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed" in said
    assert "status codes: 2000 2xx" in said
    assert "Application protocol: h2" in said
    assert len(service.requests) == 2000


async def test_nodes_client_gets_twenty_responses_at_once(reached: Reached) -> None:
    script = Path(__file__).parent / "node" / "asks.mjs"
    arguments = [str(reached.authority)] if reached.is_tls else []

    said = await run(program("node"), str(script), reached.origin, *arguments)

    assert said.splitlines() == ["200 true"] * 20


async def test_httpx_gets_responses_at_once(reached: Reached) -> None:
    """Its HTTP/2 is hyper-h2, another implementation than ours."""
    numbers = range(30)
    async with httpx.AsyncClient(
        http1=False, http2=True, verify=trusting(), timeout=LIMIT_SECONDS
    ) as client:
        asked = (client.post(f"{reached.origin}/open/{at}", content=LARGE) for at in numbers)
        answers = await asyncio.gather(*asked)

    assert [one.http_version for one in answers] == ["HTTP/2"] * len(numbers)
    assert [one.text for one in answers] == [f"/open/{at} {LARGE}" for at in numbers]


async def test_javas_client_gets_its_responses(
    service: Service, reached: Reached, tmp_path: Path
) -> None:
    """In the clear it offers h2c with an upgrade, which nobody has to accept (RFC 9113 §3.1)."""
    authority = x509.load_pem_x509_certificate(reached.authority.read_bytes())
    entries = [pkcs12.PKCS12Certificate(authority, b"authority")]
    store = tmp_path / "trusted.p12"
    store.write_bytes(pkcs12.serialize_java_truststore(entries, NoEncryption()))
    trust = [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword="]

    said = await run(program("java"), *trust, str(JAVA), f"{reached.origin}/open/java")

    version = "HTTP_2" if reached.is_tls else "HTTP_1_1"
    bodies = ["", "hello", "in chunks", LARGE, LARGE]
    assert said.splitlines() == [f"{version} 200 /open/java {body}" for body in bodies] * 2
    assert [request.body.decode() for request in service.requests] == bodies * 2


async def test_a_browser_speaks_http2_over_tls(reached: Reached) -> None:
    if not reached.is_tls:
        return  # no browser does in the clear
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program("chromium-headless-shell"), args=["--no-sandbox"]
        )
        page = await browser.new_page(ignore_https_errors=True)
        await page.goto(f"{reached.origin}/open/page")
        fetched = await page.evaluate(
            """async () => {
                const ask = async (number) =>
                    (await fetch(`/open/fetch/${number}`, {method: "POST", body: "b"})).text();
                const texts = await Promise.all([...Array(50).keys()].map(ask));
                const seen = performance.getEntriesByType("resource");
                return [texts, [...new Set(seen.map((one) => one.nextHopProtocol))]];
            }"""
        )
        await browser.close()

    assert fetched == [[f"/open/fetch/{number} b" for number in range(50)], ["h2"]]
