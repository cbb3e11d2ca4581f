"""What the data port shows and asks for in a handshake; both sides are real, and in memory."""

import ssl

import pytest
import trustme

from gateway.tls.certificate import ServerTls
from gateway.tls.server_context import make_server_context
from tests.certificates import AUTHORITY, trusting
from tests.tls.handshake import (
    FIRST,
    PLAIN,
    SECOND,
    Handshake,
    authorities,
    with_certificate,
)

OTHER_AUTHORITY = trustme.CA()


def unverified() -> ssl.SSLContext:
    context = trusting()
    context.check_hostname = False
    return context


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("first.example", "first.example"),
        ("a.second.example", "*.second.example"),
        ("A.SECOND.example", "*.second.example"),
        ("a.b.second.example", "first.example"),
        ("unknown.example", "first.example"),
        ("127.0.0.1", "first.example"),  # RFC 6066 §3: an address is never asked for by name
        (None, "first.example"),
    ],
)
def test_the_certificate_is_that_of_the_name_asked_for_and_else_the_first(
    name: str | None, shown: str
) -> None:
    context = make_server_context(ServerTls((FIRST, SECOND), None, False))

    assert Handshake(context, unverified(), name).names() == {shown}


def test_with_one_certificate_nobody_has_to_ask_for_its_name() -> None:
    assert Handshake(make_server_context(PLAIN), unverified(), None).names() == {"first.example"}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_every_cipher_that_is_agreed_on_has_forward_secrecy_and_authenticates(
    version: ssl.TLSVersion,
) -> None:
    client = trusting()
    client.minimum_version = client.maximum_version = version
    shaken = Handshake(make_server_context(PLAIN), client)

    cipher = shaken.client.cipher()
    assert cipher is not None
    assert cipher[0].startswith(("ECDHE-", "TLS_"))
    assert any(mode in cipher[0] for mode in ("GCM", "POLY1305"))


@pytest.mark.parametrize(
    "ciphers",
    ["AES128-GCM-SHA256", "ECDHE+AES+SHA256:!AESGCM:!AESCCM", "kRSA", "aNULL:@SECLEVEL=0"],
)
def test_a_client_that_can_only_do_what_is_weak_is_refused(ciphers: str) -> None:
    """No forward secrecy, no authenticated encryption, or no certificate at all."""
    client = unverified()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(ciphers)

    with pytest.raises(ssl.SSLError):
        Handshake(make_server_context(PLAIN), client)


def test_tls_1_1_is_refused() -> None:
    client = unverified()
    client.set_ciphers("ALL:@SECLEVEL=0")  # at a higher one it would not even ask for it
    client.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        client.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises(ssl.SSLError, match=r"UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION"):
        Handshake(make_server_context(PLAIN), client)


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [(["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"), (["h2"], None), ([], None)],
)
def test_http_1_1_is_what_is_spoken(offered: list[str], agreed: str | None) -> None:
    client = trusting()
    if offered:
        client.set_alpn_protocols(offered)
    for tls in (PLAIN, ServerTls((SECOND, FIRST), None, False)):
        shaken = Handshake(make_server_context(tls), client)
        assert shaken.client.selected_alpn_protocol() == agreed


# --- certificates of clients


@pytest.mark.parametrize("name", ["first.example", "a.second.example"])
def test_a_client_must_show_a_certificate_where_it_is_required(name: str) -> None:
    """Whatever name it asks for, and so whatever certificate it gets."""
    tls = ServerTls((FIRST, SECOND), authorities(AUTHORITY), True)
    context = make_server_context(tls)

    with pytest.raises(ssl.SSLError):
        Handshake(context, trusting(), name)
    with pytest.raises(ssl.SSLError):
        Handshake(context, with_certificate(OTHER_AUTHORITY), name)
    assert Handshake(context, with_certificate(AUTHORITY), name).server.getpeercert()


@pytest.mark.parametrize("name", ["first.example", "a.second.example"])
def test_where_it_is_optional_none_will_do_but_not_a_strangers(name: str) -> None:
    context = make_server_context(ServerTls((FIRST, SECOND), authorities(AUTHORITY), False))

    assert not Handshake(context, trusting(), name).server.getpeercert()
    assert Handshake(context, with_certificate(AUTHORITY), name).server.getpeercert()
    with pytest.raises(ssl.SSLError):
        Handshake(context, with_certificate(OTHER_AUTHORITY), name)


def test_without_authorities_no_client_is_asked() -> None:
    shaken = Handshake(make_server_context(PLAIN), with_certificate(OTHER_AUTHORITY))

    assert shaken.server.getpeercert() is None


def test_an_authority_below_a_root_can_be_trusted_alone() -> None:
    """The root may have signed others, whose clients are nobody's business here."""
    root = trustme.CA()
    ours, theirs = root.create_child_ca(), root.create_child_ca()
    context = make_server_context(ServerTls((FIRST,), authorities(ours), True))

    assert Handshake(context, with_certificate(ours)).server.getpeercert()
    with pytest.raises(ssl.SSLError):
        Handshake(context, with_certificate(theirs))
