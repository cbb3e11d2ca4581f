"""A server is dialled as the data port does it, and a failure has a reason."""

import socket
from collections.abc import Sequence

import pytest
import trustme

from gateway.cli.check.servers import NoConnection, dial
from gateway.fetching.resolver import AddressInfo, Resolver
from gateway.settings.values.configuration import Server
from tests.certificates import AUTHORITY, DAY, NOW, self_signed, serving, trusting
from tests.cli.peers import closed_port, http_peer, silent_peer


def server(port: int, tls: bool = False, host: str = "127.0.0.1") -> Server:
    return Server(host, port, tls, f"{host}:{port}")


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def dialled(
    one: Server, seconds: float = 10.0, resolver: Resolver | None = None
) -> NoConnection | None:
    return await dial(one, seconds, resolver or Resolver(), trusting())


async def test_a_server_that_takes_connections_is_well() -> None:
    with http_peer(b"") as url:
        assert await dialled(server(port_of(url))) is None


async def test_a_port_where_nobody_listens_is_told() -> None:
    assert await dialled(server(closed_port())) == NoConnection(
        "cannot connect (Connection refused)"
    )


async def test_a_name_that_nobody_knows_is_told() -> None:
    """RFC 6761 §6.4: `.invalid` never has an address."""

    def unknown(*_arguments: object) -> Sequence[AddressInfo]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    answer = await dialled(server(80, host="orders.invalid"), resolver=Resolver(unknown))

    assert answer == NoConnection("cannot connect (Name or service not known)")


async def test_the_next_address_is_tried_where_one_refuses() -> None:
    with http_peer(b"") as url:
        port = port_of(url)

        def both(*_arguments: object) -> Sequence[AddressInfo]:
            # On Linux all of 127/8 is this machine, and nobody listens on the first one.
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
                for address in ("127.9.9.9", "127.0.0.1")
            ]

        assert await dialled(server(port, host="orders.example"), resolver=Resolver(both)) is None


async def test_a_certificate_of_a_trusted_authority_is_well() -> None:
    with http_peer(b"", tls=serving(AUTHORITY.issue_cert("127.0.0.1"))) as url:
        assert await dialled(server(port_of(url), tls=True)) is None


REFUSED = {
    "self-signed certificate": self_signed(),
    "unable to get local issuer certificate": trustme.CA().issue_cert("127.0.0.1"),
    "IP address mismatch": AUTHORITY.issue_cert("localhost"),
    "certificate has expired": AUTHORITY.issue_cert(
        "127.0.0.1", not_before=NOW - 2 * DAY, not_after=NOW - DAY
    ),
}


@pytest.mark.parametrize("words", REFUSED)
async def test_any_other_certificate_is_not_trusted_and_it_is_said_why(words: str) -> None:
    """9700.2: a service is who it says it is, or gets nothing."""
    with http_peer(b"", tls=serving(REFUSED[words])) as url:
        answer = await dialled(server(port_of(url), tls=True))

    assert answer is not None
    assert answer.untrusted
    assert words in answer.words


async def test_a_server_that_does_not_speak_tls_is_not_trusted() -> None:
    with http_peer(b"") as url:
        answer = await dialled(server(port_of(url), tls=True))

    assert answer is not None
    assert (answer.untrusted, answer.words[:15]) == (True, "TLS handshake f")


async def test_a_server_that_keeps_silent_in_the_handshake_has_its_time() -> None:
    with silent_peer() as authority:
        answer = await dialled(server(port_of(authority), tls=True), seconds=0.05)

    assert answer == NoConnection("no connection in 0.05 s")
