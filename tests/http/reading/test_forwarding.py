"""Who asked, for what host, over what, and through whom (RFC 7239, RFC 9110 §7.6.3)."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.reading.forwarding import Incoming, appended, client_address, is_trusted, replaced
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import make_request, parse_head
from tests.proxy.service import Service

PRIVATE = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))

CLAIMS = [
    "X-Forwarded-For: 203.0.113.9, 10.0.0.1",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: shop.example.com",
    'Forwarded: for="[2001:db8::1]:47";proto=https',
]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("fd00::1", True),
        ("2001:db8::1", False),
        ("", False),
        ("unix", False),
    ],
)
def test_a_peer_is_trusted_by_its_address(address: str, expected: bool) -> None:
    assert is_trusted(address, PRIVATE) is expected


def test_nobody_is_trusted_where_no_network_is() -> None:
    assert not is_trusted("10.0.0.1", ())


@pytest.mark.parametrize(
    ("peer", "x_for", "expected"),
    [
        ("203.0.113.9", [b"198.51.100.1"], "203.0.113.9"),  # an untrusted peer speaks for itself
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b"203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", [b"198.51.100.1, 203.0.113.9"], "203.0.113.9"),  # left of it is hearsay
        ("10.0.0.1", [b"198.51.100.1", b"203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", [b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [b"unknown, 10.0.0.2"], "10.0.0.2"),
        # With a port, as Azure's Application Gateway has it, and in brackets as RFC 7239 §6 has it.
        ("10.0.0.1", [b"203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", [b"198.51.100.1:1, 203.0.113.9:4711, 10.0.0.2:80"], "203.0.113.9"),
        ("10.0.0.1", [b"[2001:db8::1]:80"], "2001:db8::1"),
        ("10.0.0.1", [b"[2001:DB8::1]"], "2001:db8::1"),
        ("10.0.0.1", [b'"[2001:db8::1]:80"'], "2001:db8::1"),
        ("10.0.0.1", [b'"203.0.113.9:4711"'], "203.0.113.9"),
        ("10.0.0.1", [b'"203.0.113.9"'], "203.0.113.9"),
        ("10.0.0.1", [b'"2001:db8::1"'], "2001:db8::1"),
        ("10.0.0.1", [b"203.0.113.9, [fd00::7]:443"], "203.0.113.9"),
        ("10.0.0.1", [b"203.0.113.9, [::ffff:10.0.0.2]:443"], "203.0.113.9"),
        ("10.0.0.1", [b"2001:db8::1:80"], "2001:db8::1:80"),  # all of it is the address
        # What is no address with a port is none, and nothing in front of it is believed.
        *(
            ("10.0.0.1", [b"203.0.113.8, " + bad + b", 10.0.0.2"], "10.0.0.2")
            for bad in (
                b"203.0.113.9:",
                b"203.0.113.9:x",
                b"203.0.113.9:123456",
                b"203.0.113.9:80:80",
                b":80",
                b"[203.0.113.9]:80",
                b"[2001:db8::1",
                b"2001:db8::1]:80",
                b"[2001:db8::1]80",
                b"[2001:db8::1]:",
                b"[]:80",
                b'"203.0.113.9:80',
                b'203.0.113.9:80"',
                b'""',
                b'"',
                b'""203.0.113.9""',
                b'"203.0.113.9":80',
                b"203.0.113.9 :80",
                b"host:80",
                b"[fe80::1%eth0]:80",
                b"203.0.113.999:80",
                b"203.0.113.9:\xb2",
            )
        ),
        ("fd00::2", [b"2001:DB8::1"], "2001:db8::1"),
        # Of IPv4, as a proxy on a socket for both versions says it (RFC 4291 §2.5.5.2).
        ("10.0.0.1", [b"203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", [b"::FFFF:203.0.113.9"], "203.0.113.9"),
        ("fd00::2", [b'fe80::1%"}{"client":"'], "fd00::2"),  # CVE-2020-7694: it is logged
    ],
)
def test_the_client_is_the_nearest_address_no_trusted_proxy_has(
    peer: str, x_for: Sequence[bytes], expected: str
) -> None:
    assert client_address(peer, x_for, PRIVATE) == expected


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_what_a_proxy_says_never_breaks_the_client_address(x_for: list[bytes]) -> None:
    assert client_address("203.0.113.9", x_for, PRIVATE) == "203.0.113.9"
    assert client_address("10.0.0.1", x_for, PRIVATE)


def test_an_ipv6_node_is_bracketed_and_quoted() -> None:
    """7239.1."""
    fields = parse_head(b"X\r\n" + replaced("2001:db8::1", b"https", b"a.test:8443") + b"\r\n")

    assert fields.one(b"forwarded") == b'for="[2001:db8::1]";host="a.test:8443";proto=https'
    assert fields.one(b"x-forwarded-for") == b"2001:db8::1"


def test_of_contradictions_in_one_field_none_is_kept() -> None:
    """7239.2: one consistent set."""
    incoming = Incoming()
    incoming.x_proto = [b"https", b"http"]
    incoming.x_host = [b"a.test", b"b.test"]

    fields = parse_head(b"X\r\n" + appended("10.0.0.1", b"http", b"own.test", incoming) + b"\r\n")

    assert fields.one(b"x-forwarded-proto") == b"http"
    assert fields.one(b"x-forwarded-host") == b"own.test"


@pytest.mark.parametrize("proto", [b"ftp", b"", b"https,http", b"https\x0b"])
def test_a_proto_that_is_none_is_not_kept(proto: bytes) -> None:
    incoming = Incoming()
    incoming.x_proto = [proto]

    assert b"X-Forwarded-Proto: http\r\n" in appended("10.0.0.1", b"http", b"a.test", incoming)


async def test_what_a_client_claims_is_replaced(service: Service, gateway: RunningGateway) -> None:
    """7239.2, CVE-2026-40575."""
    await gateway.ask(make_request("/open/", *CLAIMS))

    request = service.requests[0]
    assert request.one(b"x-forwarded-for") == b"127.0.0.1"
    assert request.one(b"x-forwarded-proto") == b"http"
    assert request.one(b"x-forwarded-host") == b"gateway.test"
    assert request.one(b"forwarded") == b'for=127.0.0.1;host="gateway.test";proto=http'


async def test_what_a_trusted_proxy_says_is_kept_and_we_are_added(
    service: Service, start_gateway: StartGateway
) -> None:
    gateway = await start_gateway(trusted_proxies=["127.0.0.0/8"])

    await gateway.ask(make_request("/open/", *CLAIMS))
    await gateway.ask(make_request("/open/"))

    first, second = service.requests
    assert first.one(b"x-forwarded-for") == b"203.0.113.9, 10.0.0.1, 127.0.0.1"
    assert first.one(b"x-forwarded-proto") == b"https"
    assert first.one(b"x-forwarded-host") == b"shop.example.com"
    assert first.one(b"forwarded") == (
        b'for="[2001:db8::1]:47";proto=https, for=127.0.0.1;host="gateway.test";proto=http'
    )
    assert second.one(b"x-forwarded-for") == b"127.0.0.1"


async def test_via_is_added_to_what_was_there(service: Service, gateway: RunningGateway) -> None:
    """9110.3."""
    await gateway.ask(make_request("/open/", "Via: 1.0 fred", "Via: 1.1 p.example.net"))
    await gateway.ask(make_request("/open/"))

    first, second = (request.one(b"via") for request in service.requests)
    assert first == b"1.0 fred, 1.1 p.example.net, " + second
    assert second.startswith(b"1.1 jwt-gateway-")


async def test_a_request_that_came_through_here_before_is_refused(
    service: Service, gateway: RunningGateway
) -> None:
    """9110.3: a loop ends at once, not at the limit of connections."""
    await gateway.ask(make_request("/open/"))
    via = service.requests[0].one(b"via")

    answer = await gateway.ask(make_request("/open/", b"Via: 1.1 other, " + via))

    assert answer.status == 400
    assert len(service.requests) == 1


async def test_clients_of_one_connection_may_ask_different_hosts(
    service: Service, gateway: RunningGateway
) -> None:
    client = await gateway.connect()
    client.send(b"".join(make_request("/open/", host=host) for host in ("a.test", "b.test")))
    await service.request(1)

    hosts = [request.one(b"x-forwarded-host") for request in service.requests]
    assert hosts == [b"a.test", b"b.test"]
