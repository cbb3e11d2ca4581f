"""Read and write the forwarding fields: Forwarded and X-Forwarded-* (RFC 7239)."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

Networks = Sequence[IPv4Network | IPv6Network]

# An address with a port (some proxies send it), or in brackets as in Forwarded (RFC 7239 §6).
_NODE = re.compile(
    r"(?P<four>[0-9.]+):[0-9]{1,5}|\[(?P<six>[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\](?::[0-9]{1,5})?",
    re.ASCII,
)

_PROTO = re.compile(rb"https?\Z", re.IGNORECASE)


class Incoming:
    """The forwarding fields of a request; used only if the peer is trusted."""

    __slots__ = ("forwarded", "x_for", "x_host", "x_proto")

    def __init__(self) -> None:
        self.forwarded: list[bytes] = []
        self.x_for: list[bytes] = []
        self.x_proto: list[bytes] = []
        self.x_host: list[bytes] = []


def is_trusted(address: str, networks: Networks) -> bool:
    """Return whether *address* is in one of *networks*; False if it is no address."""
    if not networks:
        return False
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)


def client_address(peer: str, x_for: Sequence[bytes], networks: Networks) -> str:
    """Return the last address in X-Forwarded-For that is no trusted proxy's.

    Entries before it come from an untrusted source. *peer* is the address of the connection.
    """
    if not is_trusted(peer, networks):
        return peer
    chain = [part.strip() for part in b",".join(x_for).decode("latin-1").split(",")]
    nearest = peer
    for entry in reversed(chain):
        if "%" in entry:  # an IPv6 zone may be any text, and means nothing on other hosts
            return nearest
        try:
            nearest = _written(entry)
        except ValueError:
            return nearest
        if not is_trusted(nearest, networks):
            return nearest
    return nearest


def _written(entry: str) -> str:
    """Return an address in its canonical spelling, without its port; raises ValueError.

    A proxy that listens on both versions of IP writes an IPv4 peer as ``::ffff:10.0.0.1``
    (RFC 4291 §2.5.5.2); it is compared with IPv4 networks.
    """
    if entry[:1] == entry[-1:] == '"':
        entry = entry[1:-1]
    if ":" in entry and ("." in entry or "[" in entry):
        node = _NODE.fullmatch(entry)
        if node is not None:
            entry = node["four"] or node["six"]
    ip = ip_address(entry)
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return str(mapped or ip)


def _node(address: str) -> bytes:
    # RFC 7239 §6: an IPv6 address has brackets, and quotation marks because of its colons.
    return f'"[{address}]"'.encode() if ":" in address else address.encode()


def replaced(peer: str, proto: bytes, host: bytes) -> bytes:
    """Return the fields for a peer that is not trusted, without its own forwarding fields."""
    return (
        b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b\r\n"
        b'Forwarded: for=%b;host="%b";proto=%b\r\n'
    ) % (peer.encode(), proto, host, _node(peer), host, proto)


def appended(peer: str, proto: bytes, host: bytes, incoming: Incoming) -> bytes:
    """Return the fields for a trusted proxy: its own, with the gateway added."""
    x_for = b", ".join((*incoming.x_for, peer.encode()))
    first_proto = incoming.x_proto[0] if len(incoming.x_proto) == 1 else b""
    x_proto = first_proto.lower() if _PROTO.match(first_proto) else proto
    x_host = incoming.x_host[0] if len(incoming.x_host) == 1 else host
    forwarded = b", ".join(
        (*incoming.forwarded, b'for=%b;host="%b";proto=%b' % (_node(peer), host, proto))
    )
    return (
        b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b\r\nForwarded: %b\r\n"
    ) % (x_for, x_proto, x_host, forwarded)
