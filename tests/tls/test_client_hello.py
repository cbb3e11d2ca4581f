"""What a client offers is read from its first bytes, of real clients and however they are cut."""

import ssl
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tls.client_hello import offered_protocols


def hello_of(*protocols: str, name: str | None = "first.example") -> bytes:
    """Return the ClientHello of a real client that offers *protocols*."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if protocols:
        context.set_alpn_protocols(protocols)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, False, name).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("protocols", [(), ("h2",), ("http/1.1",), ("h2", "http/1.1", "x" * 255)])
@pytest.mark.parametrize("name", [None, "first.example"])
def test_what_a_client_offers_is_read_in_its_order(
    protocols: Sequence[str], name: str | None
) -> None:
    """RFC 7301 §3.1."""
    offered = offered_protocols(hello_of(*protocols, name=name))

    assert offered == tuple(one.encode() for one in protocols)


def test_until_it_is_whole_nothing_is_known() -> None:
    hello = hello_of("h2", "http/1.1")

    for cut in range(len(hello)):
        assert offered_protocols(hello[:cut]) is None
    assert offered_protocols(hello + b"more") == (b"h2", b"http/1.1")


@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_it_may_be_spread_over_several_records(size: int) -> None:
    """RFC 8446 §5.1."""
    message = hello_of("h2")[5:]
    parts = [message[start : start + size] for start in range(0, len(message), size)]
    records = b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)

    assert offered_protocols(records) == (b"h2",)


@pytest.mark.parametrize(
    "octets",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x80\x2e\x01", b"\x16\x03\x01\x00\x05\x02\x00\x00\x00\x00"],
)
def test_what_is_no_client_hello_offers_nothing(octets: bytes) -> None:
    assert offered_protocols(octets) == ()


@given(st.binary(max_size=80))
def test_any_octets_offer_something_nothing_or_are_not_complete(octets: bytes) -> None:
    for start in (b"", b"\x16\x03\x01\x00\x30\x01\x00\x00\x2c", hello_of("h2")[:60]):
        offered = offered_protocols(start + octets)

        assert offered is None or all(isinstance(one, bytes) for one in offered)
