"""TLS on the wire, on both sides of the gateway, and from one configuration to the next."""

import asyncio
import gc
import json
import resource
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.proxy.client.new_connection import NewConnection
from tests.certificates import AUTHORITY, DAY, NOW, serving, trusting, write_pair
from tests.hanging import LIMIT_SECONDS
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer, load, write_config
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.tls_service import TlsService, running_tls_service
from tests.proxy.wire import Wire

STRANGER = trustme.CA()


def listen(directory: Path, *names: str, **more: Any) -> dict[str, Any]:
    """Write a certificate for *names*, and return a `listen` with it."""
    write_pair(directory, AUTHORITY.issue_cert(*(names or ("127.0.0.1",))))
    tls = {"certificate": "server.pem", "key": "server.key", **more}
    return {"address": "127.0.0.1:0", "tls": tls}


async def shake_hands(
    gateway: RunningGateway, context: ssl.SSLContext | None = None, name: str | None = None
) -> Wire:
    host, port = gateway.address
    _, wire = await asyncio.get_running_loop().create_connection(
        Wire, host, port, ssl=context or trusting(), server_hostname=name or host
    )
    gateway.wires.append(wire)
    return wire


def shown_names(wire: Wire) -> list[str]:
    return [name for _, name in wire.transport.get_extra_info("peercert")["subjectAltName"]]


async def ask(wire: Wire, *lines: bytes, target: str = "/open/x") -> Message:
    wire.send(make_request(target, *lines))
    return await read_answer(wire)


# --- clients


async def test_each_client_gets_the_certificate_for_the_name_it_asks_for(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    write_pair(tmp_path, AUTHORITY.issue_cert("*.shop.example"), "shop")
    more = [{"certificate": "shop.pem", "key": "shop.key"}]
    gateway = await start_gateway(
        listen=listen(tmp_path, "api.example", "127.0.0.1", certificates=more)
    )

    for name, shown in (
        ("api.example", "api.example"),
        ("a.shop.example", "*.shop.example"),
        ("127.0.0.1", "api.example"),
    ):
        wire = await shake_hands(gateway, name=name)
        assert shown_names(wire)[0] == shown
        assert (await ask(wire)).status == 200


@pytest.mark.parametrize(("policy", "status"), [("optional", 200), ("required", None)])
async def test_a_client_without_a_certificate_is_accepted_only_if_it_is_optional(
    service: Service,
    start_gateway: StartGateway,
    tmp_path: Path,
    policy: str,
    status: int | None,
) -> None:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    gateway = await start_gateway(
        listen=listen(tmp_path, client_ca="ca.pem", client_certificates=policy)
    )
    known = trusting()
    AUTHORITY.issue_cert("shop@example.com").configure_cert(known)
    strange = trusting()
    STRANGER.issue_cert("shop@example.com").configure_cert(strange)

    assert await outcome(gateway, trusting()) == status
    assert await outcome(gateway, strange) is None
    assert await outcome(gateway, known) == 200
    assert len(service.requests) == (1 if status is None else 2)


async def outcome(gateway: RunningGateway, context: ssl.SSLContext) -> int | None:
    """Return the status of an answer, None where there is none: TLS 1.3 refuses late."""
    try:
        wire = await shake_hands(gateway, context)
    except OSError:
        return None
    wire.send(make_request("/open/x"))
    await wire.wait_for(lambda: wire.has_ended or b"\r\n\r\n" in wire.received)
    return int(wire.received[9:12]) if wire.received else None


@pytest.mark.parametrize(
    "name",
    [
        b"Client-Cert",
        b"client-cert-chain",
        b"X-Client-Cert",
        b"X-Forwarded-Client-Cert",
        b"X.Client.Cert",
        b"HTTP_CLIENT_CERT",
    ],
)
async def test_no_client_can_pass_a_certificate_to_a_service_in_a_field(
    service: Service, start_gateway: StartGateway, tmp_path: Path, name: bytes
) -> None:
    """RFC 9440 §2.4: such a field of a client's is a forgery, and none is set here."""
    gateway = await start_gateway(listen=listen(tmp_path))
    wire = await shake_hands(gateway)

    await ask(wire, name + b": :MIIB:", b"X-Other: kept")

    names = [field.lower() for field, _ in service.requests[0].fields]
    assert name.lower() not in names
    assert b"x-other" in names


# --- services


@pytest.fixture
async def mutual() -> AsyncIterator[TlsService]:
    """A service that wants a certificate of our authority, and shows one for orders.internal."""
    context = serving(AUTHORITY.issue_cert("orders.internal"))
    AUTHORITY.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    async with running_tls_service(context) as service:
        yield service


def upstream(directory: Path, **more: str) -> dict[str, Any]:
    AUTHORITY.cert_pem.write_to_path(directory / "ca.pem")
    return {"tls": {"ca": "ca.pem", **more}}


def reason_of(answer: Message) -> object:
    return json.loads(answer.body)["reason"]


async def detail_of(gateway: RunningGateway, answer: Message) -> str:
    """Return what the access log says of a refusal."""
    told = await gateway.gateway.decision(answer.one(b"x-request-id").decode())
    assert told is not None
    return str(told["detail"])


async def test_a_service_and_the_gateway_prove_to_each_other_who_they_are(
    mutual: TlsService, start_gateway: StartGateway, tmp_path: Path
) -> None:
    """9700.2: nobody between the two can read, change or replay a request, or make one up."""
    write_pair(tmp_path, AUTHORITY.issue_cert("gateway.internal"), "gateway")
    ours = {"certificate": "gateway.pem", "key": "gateway.key"}
    more = upstream(tmp_path, server_name="orders.internal", **ours)
    gateway = await start_gateway([mutual.url], upstream=more)

    for _ in range(3):
        assert (await gateway.ask(make_request("/api/x", bearer()))).status == 200

    assert mutual.asked_names == ["orders.internal"]  # one connection, kept
    assert mutual.clients == ["gateway.internal"]
    assert [request.target for request in mutual.requests] == [b"/api/x"] * 3


async def test_a_service_that_wants_a_certificate_gets_no_request_without(
    mutual: TlsService, start_gateway: StartGateway, tmp_path: Path
) -> None:
    more = upstream(tmp_path, server_name="orders.internal")
    gateway = await start_gateway([mutual.url], upstream=more)

    answer = await gateway.ask(make_request("/api/x", bearer()))

    assert (answer.status, reason_of(answer)) == (502, "upstream_unreachable")
    assert mutual.received == b""


EXPIRED = AUTHORITY.issue_cert("127.0.0.1", not_before=NOW - 2 * DAY, not_after=NOW - DAY)


@pytest.mark.parametrize(
    ("certificate", "server_name", "why"),
    [
        (AUTHORITY.issue_cert("127.0.0.1"), "orders.internal", "Hostname mismatch"),
        (AUTHORITY.issue_cert("orders.internal"), None, "IP address mismatch"),
        (STRANGER.issue_cert("127.0.0.1"), None, "unable to get local issuer certificate"),
        (EXPIRED, None, "certificate has expired"),
    ],
)
async def test_a_service_that_proves_nothing_gets_nothing_and_the_log_says_why(
    start_gateway: StartGateway,
    tmp_path: Path,
    certificate: trustme.LeafCert,
    server_name: str | None,
    why: str,
) -> None:
    """9700.2: the name in the configuration counts, not the one that the service would like."""
    more = upstream(tmp_path, **({} if server_name is None else {"server_name": server_name}))
    async with running_tls_service(serving(certificate)) as service:
        gateway = await start_gateway([service.url], upstream=more)

        answer = await gateway.ask(make_request("/api/x", bearer()))

        assert (answer.status, reason_of(answer)) == (502, "upstream_unreachable")
        assert why.encode() not in answer.body
        assert why in await detail_of(gateway, answer)
        assert service.received == b""


async def test_a_service_without_tls_is_not_spoken_to_without_it(
    service: Service, start_gateway: StartGateway, tmp_path: Path
) -> None:
    async def answer_in_plain_text(_service: Service, wire: Wire) -> None:
        await wire.wait_for(lambda: bool(wire.received))
        wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    service.script = answer_in_plain_text
    url = service.url.replace("http:", "https:")
    gateway = await start_gateway([url], upstream=upstream(tmp_path))

    answer = await gateway.ask(make_request("/api/x", bearer()))

    assert answer.status == 502
    assert "TLS handshake failed" in await detail_of(gateway, answer)
    assert b"GET" not in service.received


# --- from one configuration to the next


class Renewable:
    """A gateway whose files on the disk change, and that is told so."""

    def __init__(self, gateway: RunningGateway, directory: Path, service: Service) -> None:
        self.gateway = gateway
        self._directory = directory
        self._service = service

    async def reload(self, **changes: Any) -> str | None:
        path = write_config(self._directory, [self._service.url], changes)
        return await self.gateway.gateway.reload(load(path))

    async def renew(self, *names: str, **more: Any) -> str | None:
        return await self.reload(listen=listen(self._directory, *names, **more))


@pytest.fixture
async def renewable(service: Service, start_gateway: StartGateway, tmp_path: Path) -> Renewable:
    gateway = await start_gateway(listen=listen(tmp_path, "first.example"))
    return Renewable(gateway, tmp_path, service)


async def test_a_renewed_certificate_is_shown_from_then_on_and_connections_stay(
    renewable: Renewable,
) -> None:
    former = await shake_hands(renewable.gateway, name="first.example")
    assert (await ask(former)).status == 200

    assert await renewable.renew("second.example") is None

    assert (await ask(former)).status == 200
    later = await shake_hands(renewable.gateway, name="second.example")
    assert shown_names(later) == ["second.example"]
    assert (await ask(later)).status == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        await shake_hands(renewable.gateway, name="first.example")


async def test_a_handshake_that_has_begun_is_finished_with_the_certificate_it_began_with(
    renewable: Renewable,
) -> None:
    wire = await renewable.gateway.connect()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing, False, "first.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    wire.send(hello[:100])
    # The connection was taken once a later one is served.
    assert (await ask(await shake_hands(renewable.gateway, name="first.example"))).status == 200

    assert await renewable.renew("second.example") is None
    wire.send(hello[100:])
    while not shook(client):
        wire.send(outgoing.read())
        await wire.wait_for(lambda: bool(wire.unread))
        incoming.write(await wire.read(len(wire.unread)))

    shown = client.getpeercert()
    assert shown
    assert shown["subjectAltName"] == (("DNS", "first.example"),)


async def test_a_handshake_that_begins_after_a_reload_has_the_new_timeout(
    service: Service, start_gateway: StartGateway, tmp_path: Path
) -> None:
    """A client that opens a connection and says nothing does not keep it."""
    here = listen(tmp_path)
    gateway = await start_gateway(listen=here, timeouts={"head": "10m", "idle": "10m"})
    stands = await shake_hands(gateway)
    reloadable = Renewable(gateway, tmp_path, service)

    assert await reloadable.reload(listen=here, timeouts={"head": "1m", "idle": "10m"}) is None

    silent = await gateway.connect()
    async with asyncio.timeout(LIMIT_SECONDS):
        while not silent.has_ended:  # the gateway may not have accepted it yet
            gateway.expire(120)
            await asyncio.sleep(0)
    assert (await ask(stands)).status == 200
    assert (await ask(await shake_hands(gateway))).status == 200


def shook(client: ssl.SSLObject) -> bool:
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


async def test_clients_of_an_authority_that_is_gone_are_refused_from_then_on(
    renewable: Renewable, tmp_path: Path
) -> None:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    client = trusting()
    AUTHORITY.issue_cert("shop@example.com").configure_cert(client)
    assert await renewable.renew(client_ca="ca.pem") is None
    assert await outcome(renewable.gateway, client) == 200
    assert await outcome(renewable.gateway, trusting()) is None

    STRANGER.cert_pem.write_to_path(tmp_path / "ca.pem")
    assert await renewable.renew(client_ca="ca.pem") is None
    assert await outcome(renewable.gateway, client) is None

    assert await renewable.renew() is None
    assert await outcome(renewable.gateway, trusting()) == 200


async def test_a_session_outlives_a_reload_that_has_nothing_to_do_with_it(
    renewable: Renewable, tmp_path: Path
) -> None:
    """Or every reload would have all clients shake hands in full."""
    context = trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # its session is there with the handshake
    before = await shake_hands(renewable.gateway, context, "first.example")
    session = before.transport.get_extra_info("ssl_object").session
    same = {"address": "127.0.0.1:0", "tls": {"certificate": "server.pem", "key": "server.key"}}

    assert await renewable.reload(listen=same, drain="1s") is None

    assert takes_up(renewable.gateway, context, session)


def takes_up(gateway: RunningGateway, context: ssl.SSLContext, session: ssl.SSLSession) -> bool:
    """Say whether the gateway's context takes *session* up again; it is its own that is asked."""
    served = gateway.gateway.data._serving.tls[0]
    assert served is not None
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, False, "first.example", session)
    server = served.wrap_bio(outgoing, incoming, True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return bool(client.session_reused)


async def test_tls_cannot_be_turned_on_or_off_without_a_restart(renewable: Renewable) -> None:
    refusal = await renewable.reload(listen="127.0.0.1:0")

    assert refusal == "`listen` cannot change without a restart"
    wire = await shake_hands(renewable.gateway, name="first.example")
    assert (await ask(wire)).status == 200


async def test_another_certificate_for_services_is_shown_from_then_on(
    mutual: TlsService, start_gateway: StartGateway, tmp_path: Path
) -> None:
    ours = {"certificate": "gateway.pem", "key": "gateway.key"}
    more = upstream(tmp_path, server_name="orders.internal", **ours)
    write_pair(tmp_path, AUTHORITY.issue_cert("old.internal"), "gateway")
    gateway = await start_gateway([mutual.url], upstream=more)
    assert (await gateway.ask(make_request("/open/x"))).status == 200

    write_pair(tmp_path, AUTHORITY.issue_cert("new.internal"), "gateway")
    settings = load(write_config(tmp_path, [mutual.url], {"upstream": more}))
    assert await gateway.gateway.reload(settings) is None

    assert (await gateway.ask(make_request("/open/x"))).status == 200
    assert mutual.clients == ["old.internal", "new.internal"]


# --- what is told


async def test_the_seconds_that_are_left_are_those_of_the_certificate_in_use(
    renewable: Renewable, tmp_path: Path
) -> None:
    gateway = renewable.gateway
    assert left(gateway, tmp_path) > 0

    leaf = AUTHORITY.issue_cert("first.example", not_before=NOW - 2 * DAY, not_after=NOW - DAY)
    write_pair(tmp_path, leaf)
    before_reload = left(gateway, tmp_path)
    same = {"address": "127.0.0.1:0", "tls": {"certificate": "server.pem", "key": "server.key"}}
    assert await renewable.reload(listen=same) is None

    assert before_reload > 0
    assert left(gateway, tmp_path) < 0
    certificates = (await gateway.gateway.status())["certificates"]
    assert isinstance(certificates, list)
    assert certificates[0]["names"] == ["first.example"]
    assert certificates[0]["expires_in_seconds"] < 0


def left(gateway: RunningGateway, directory: Path) -> float:
    file = str(directory / "server.pem")
    return gateway.metric("gateway_tls_certificate_expiry_seconds", certificate=file)


# --- before it goes live


async def test_a_context_that_cannot_be_made_is_found_before_anything_changes(
    service: Service, start_gateway: StartGateway, tmp_path: Path
) -> None:
    """OpenSSL reads certificates from files, and there may be no descriptor left for one."""
    gateway = await start_gateway(listen=listen(tmp_path, "first.example"))
    changes = {"listen": listen(tmp_path, "second.example")}
    settings = load(write_config(tmp_path, [service.url], changes))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        refusal = await gateway.gateway.data.prepare(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert refusal == "cannot speak TLS: Too many open files"
    wire = await shake_hands(gateway, name="first.example")
    assert (await ask(wire)).status == 200
    assert await gateway.gateway.reload(settings) is None
    assert shown_names(await shake_hands(gateway, name="second.example")) == ["second.example"]


def count_connections() -> int:
    """Return how many client connections there are in this process."""
    return sum(type(item) is NewConnection for item in gc.get_objects())


async def test_a_client_that_was_refused_is_forgotten_at_once(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    """It was told why, and by its own end it is gone: nothing waits for a search for garbage."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    gateway = await start_gateway(listen=listen(tmp_path, client_ca="ca.pem"))
    gc.collect()
    gc.disable()
    before = count_connections()  # of other tests, which a traceback that was logged may hold
    try:
        for _ in range(5):
            assert await outcome(gateway, trusting()) is None
            gateway.wires.pop().transport.abort()
        async with asyncio.timeout(LIMIT_SECONDS):
            while count_connections() > before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        gc.enable()
