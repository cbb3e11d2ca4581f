"""A client that is refused in a handshake gets the alert that says why; none is past its time."""

import gc
import ssl
import weakref
from contextlib import suppress
from dataclasses import replace

import pytest

from gateway.tls.certificate import ServerTls
from gateway.tls.latest_context import LatestContext
from gateway.tls.server_context import make_server_context
from gateway.tls.server_side import ServerSide
from tests.certificates import AUTHORITY, trusting
from tests.tls.handshake import FIRST, PLAIN, Handshake, authorities, with_certificate


def begun(tls: ServerTls, client: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Return a client and a server that go as far as the client's answer to the server."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, False, "first.example")
    server = LatestContext(make_server_context(tls)).wrap_bio(to_server, to_client, True)
    for side in (asking, server, asking):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return asking, server


def test_the_failure_waits_until_the_alert_is_out_and_stays_one() -> None:
    client, server = begun(ServerTls((FIRST,), authorities(AUTHORITY), True), trusting())

    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    for _ in range(2):
        with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
            server.do_handshake()

    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        client.read(1)


def agreed(offered: list[str], pieces: int = 1, tls: ServerTls = PLAIN) -> str | None:
    """Return what a client that offers these agrees on; raises ssl.SSLError if it is refused."""
    client = trusting()
    if offered:
        client.set_alpn_protocols(offered)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, (sent := ssl.MemoryBIO()), False, "first.example")
    server = LatestContext(make_server_context(tls)).wrap_bio(to_server, to_client, True)
    for _ in range(4):
        with suppress(ssl.SSLWantReadError):
            asking.do_handshake()
        data = sent.read()
        size = max(1, len(data) // pieces)
        for start in range(0, len(data), size):
            to_server.write(data[start : start + size])
            with suppress(ssl.SSLWantReadError):
                server.do_handshake()
    server.write(b"hello")
    assert asking.read(5) == b"hello"
    return asking.selected_alpn_protocol()


@pytest.mark.parametrize("pieces", [1, 7, 10_000])
@pytest.mark.parametrize("offered", [["h2"], ["h2", "h2c"], ["acme-tls/1"], ["HTTP/1.1"]])
def test_a_client_that_offers_other_protocols_alone_is_refused(
    offered: list[str], pieces: int
) -> None:
    """RFC 7301 §3.2: by an alert, not by a connection of a protocol that it did not offer."""
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        agreed(offered, pieces)


@pytest.mark.parametrize("pieces", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("offered", "expected"),
    [([], None), (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1")],
)
def test_a_client_that_offers_http_1_1_or_nothing_is_served(
    offered: list[str], expected: str | None, pieces: int
) -> None:
    assert agreed(offered, pieces) == expected


@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ([], None),
        (["http/1.1"], "http/1.1"),
        (["h2", "http/1.1"], "h2"),
        (["http/1.1", "h2"], "h2"),
        (["h2"], "h2"),
    ],
)
def test_http_2_is_preferred_where_it_is_allowed(
    offered: list[str], expected: str | None, pieces: int
) -> None:
    assert agreed(offered, pieces, replace(PLAIN, http2=True)) == expected


def test_another_protocol_is_refused_where_http_2_is_allowed_as_well() -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        agreed(["h2c", "acme-tls/1"], tls=replace(PLAIN, http2=True))


def test_a_refused_offer_is_the_end_of_the_handshake() -> None:
    client = trusting()
    client.set_alpn_protocols(["h2"])
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        client.wrap_bio(ssl.MemoryBIO(), to_server, False, "first.example").do_handshake()
    server = LatestContext(make_server_context(PLAIN)).wrap_bio(to_server, to_client, True)

    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    assert to_client.read() == b"\x15\x03\x03\x00\x02\x02\x78"
    for _ in range(2):
        with pytest.raises(ssl.SSLError, match="no supported protocol"):
            server.do_handshake()


def test_one_who_cannot_read_an_alert_is_refused_at_once() -> None:
    """Bytes that are not TLS: nothing is left to say."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = make_server_context(PLAIN).wrap_bio(to_server, to_client, True)
    assert isinstance(server, ServerSide)
    to_server.write(b"GET / HTTP/1.1\r\n\r\n")

    with pytest.raises(ssl.SSLError, match="HTTP_REQUEST"):
        server.do_handshake()


def test_a_refused_handshake_is_freed_without_a_search_for_garbage() -> None:
    _, server = begun(ServerTls((FIRST,), authorities(AUTHORITY), True), trusting())
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    seen = weakref.ref(server)
    gc.disable()
    try:
        del server
        assert seen() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("is_required", [True, False])
def test_by_the_ticket_of_a_certificate_that_has_expired_nobody_gets_in(
    is_required: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 8446 §2.2: a resumed session brings the identity of the one before, and no proof anew."""
    server = make_server_context(ServerTls((FIRST,), authorities(AUTHORITY), is_required))
    client = with_certificate(AUTHORITY)
    session = Handshake(server, client).client.session
    assert session is not None
    resumed = Handshake(server, client, session=session)
    assert resumed.server.session_reused

    shown = resumed.server.getpeercert()
    assert shown
    ends_at = ssl.cert_time_to_seconds(str(shown["notAfter"]))
    monkeypatch.setattr("gateway.tls.server_side.time", lambda: ends_at - 1.0)
    assert Handshake(server, client, session=session).server.session_reused
    monkeypatch.setattr("gateway.tls.server_side.time", lambda: float(ends_at))
    with pytest.raises(ssl.SSLError, match="has expired"):
        Handshake(server, client, session=session)


def test_who_shows_no_certificate_comes_back_as_before() -> None:
    server = make_server_context(ServerTls((FIRST,), authorities(AUTHORITY), False))
    client = trusting()
    session = Handshake(server, client).client.session

    assert Handshake(server, client, session=session).server.session_reused
