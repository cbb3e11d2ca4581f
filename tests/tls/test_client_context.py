"""Whom servers are believed to be, and what is shown to them."""

import ssl
from dataclasses import replace

import pytest
import trustme

from gateway.tls.certificate import MACHINE_TRUST, Certificate, ClientTls, ServerTls
from gateway.tls.client_context import make_client_context
from gateway.tls.server_context import make_server_context
from tests.certificates import AUTHORITY, chain_of, serving
from tests.tls.handshake import FIRST, PLAIN, Handshake, authorities, certificate

OURS = ClientTls(authorities(AUTHORITY))


def test_a_server_of_a_named_authority_is_trusted_for_its_name_alone() -> None:
    server = make_server_context(PLAIN)
    context = make_client_context(OURS)

    assert Handshake(server, context).names() == {"first.example"}
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        Handshake(server, context, "second.example")


def test_a_server_that_has_its_name_as_a_common_name_alone_is_not_trusted() -> None:
    """RFC 9525 §6.3."""
    leaf = AUTHORITY.issue_cert(common_name="first.example")
    named = Certificate("a.pem", (), chain_of(leaf), leaf.private_key_pem.bytes(), 0.0, 0.0)

    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        Handshake(make_server_context(ServerTls((named,), None, False)), make_client_context(OURS))


@pytest.mark.parametrize("tls", [MACHINE_TRUST, ClientTls(authorities(trustme.CA()))])
def test_nobody_else_is(tls: ClientTls) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        Handshake(make_server_context(PLAIN), make_client_context(tls))


def test_where_authorities_are_named_the_machines_are_not_trusted() -> None:
    assert make_client_context(OURS).cert_store_stats()["x509_ca"] == 1


def test_a_server_that_asks_gets_the_certificate_and_no_other_does() -> None:
    mutual = ClientTls(OURS.ca, None, certificate("client.example"))
    asking = make_server_context(ServerTls((FIRST,), authorities(AUTHORITY), True))

    assert Handshake(asking, make_client_context(mutual)).server.getpeercert()
    assert Handshake(make_server_context(PLAIN), make_client_context(mutual)).names()
    with pytest.raises(ssl.SSLError):
        Handshake(asking, make_client_context(OURS))


def test_a_server_that_only_speaks_tls_1_1_is_refused() -> None:
    old = serving(AUTHORITY.issue_cert("first.example"))
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises(ssl.SSLError):
        Handshake(old, make_client_context(OURS))


def test_http2_alone_is_offered_where_it_is_configured() -> None:
    """RFC 7301: a server that speaks anything else does not select it."""
    server = make_server_context(ServerTls((FIRST,), None, False, http2=True))
    plain = Handshake(server, make_client_context(OURS))
    speaking = Handshake(server, make_client_context(replace(OURS, http2=True)))
    unwilling = Handshake(
        make_server_context(PLAIN), make_client_context(replace(OURS, http2=True))
    )

    assert plain.client.selected_alpn_protocol() is None
    assert speaking.client.selected_alpn_protocol() == "h2"
    assert unwilling.client.selected_alpn_protocol() is None
