"""A client that is refused in a handshake gets the alert that says why; none is past its time."""

import gc
import ssl
import weakref

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
