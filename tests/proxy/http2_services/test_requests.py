"""What a service gets over HTTP/2 is what HTTP/2 allows, whatever a client sends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import AUTHORITY, serving
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer
from tests.proxy.hostile import HOSTILE_ROUTES
from tests.proxy.http2_services.service import Call, Http2Service, running_http2_service
from tests.proxy.http2_services.world import HostileWorld, running_hostile_world
from tests.proxy.messages import make_chunked, make_request, read_answer

_OF_CONNECTION = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade", b"host"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileWorld]:
    with running_hostile_world(tmp_path_factory.mktemp("requests")) as made:
        yield made


def ask(world: HostileWorld, *lines: bytes | str, target: str = "/public/x", body: bytes) -> Call:
    """Send a request with *body* over HTTP/1.1; return what the service got."""

    async def run() -> Call:
        world.begin(lambda call: None)
        wire = await world.gateway.connect()
        wire.send(make_request(target, *lines, method="POST") + body)
        assert (await read_answer(wire)).status == 200
        return world.service.calls[0]

    return world.run(run())


def test_a_request_has_the_form_of_http2(world: HostileWorld) -> None:
    """9113.23"""
    call = ask(
        world,
        "Connection: x-hop, te, keep-alive",
        "X-Hop: 1",
        "X-Kept: 2",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: close",
        "TE: trailers, deflate",
        "Transfer-Encoding: chunked",
        bearer(),
        target="/api/x?y=%2F",
        body=make_chunked(b"he", b"llo"),
    )

    names = [name for name, _ in call.fields]
    pseudo = [name for name in names if name.startswith(b":")]
    assert sorted(pseudo) == [b":authority", b":method", b":path", b":scheme"]
    assert names[:4] == pseudo
    assert names == [name.lower() for name in names]
    assert not _OF_CONNECTION & set(names)
    assert b"x-hop" not in names
    assert call.one(b"x-kept") == b"2"
    assert call.all(b"te") in ([], [b"trailers"])
    assert call.one(b":method") == b"POST"
    assert call.path == b"/api/x?y=%2F"
    assert call.one(b":scheme") == b"http"
    assert bytes(call.body) == b"hello"
    assert call.is_ended


def test_no_length_is_added_to_a_body_in_chunks(world: HostileWorld) -> None:
    call = ask(world, "Transfer-Encoding: chunked", body=make_chunked(b"hello"))

    assert call.all(b"content-length") == []


def test_an_identity_is_the_gateways(world: HostileWorld) -> None:
    """RFC 9113 §10.3: no name that another spelling of the field would reach."""
    call = ask(
        world,
        "X-Gateway-Subject: forged",
        "X_Gateway_Subject: forged",
        bearer(),
        "Content-Length: 0",
        target="/api/x",
        body=b"",
    )

    assert b"forged" not in [value for _, value in call.fields]
    assert call.one(b"x-gateway-subject") != b""


async def _started(
    start_gateway: StartGateway, service: Http2Service, authority: Path
) -> RunningGateway:
    AUTHORITY.cert_pem.write_to_path(authority)
    upstream = {"protocol": "h2", "tls": {"ca": authority.name}}
    return await start_gateway([service.url], upstream=upstream, routes=HOSTILE_ROUTES)


async def test_alpn_offers_http2_alone(start_gateway: StartGateway, tmp_path: Path) -> None:
    """9113.22"""
    context = serving(AUTHORITY.issue_cert("127.0.0.1"))
    async with running_http2_service(context) as service:
        gateway = await _started(start_gateway, service, tmp_path / "ca.pem")
        assert (await gateway.ask(make_request("/public/x"))).body == b"/public/x "
        assert service.peers[0].transport.get_extra_info("ssl_object").selected_alpn_protocol() == (
            "h2"
        )


async def test_a_service_that_selects_no_http2_is_unreachable(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    """9113.22"""
    context = serving(AUTHORITY.issue_cert("127.0.0.1"))
    async with running_http2_service(context) as service:
        context.set_alpn_protocols(["http/1.1"])
        gateway = await _started(start_gateway, service, tmp_path / "ca.pem")
        answer = await gateway.ask(make_request("/public/x"))
        assert answer.status == 502
        assert service.calls == []
