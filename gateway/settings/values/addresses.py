"""Read addresses, URLs and networks as a configuration writes them."""

import errno
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from gateway.settings.values.configuration import Address, Server

# RFC 1035 section 2.3.4: a label has 1 to 63 characters; resolvers raise for any other.
_LABEL = r"[A-Za-z0-9_-]{1,63}"
_HOST = rf"\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*\.?"
_PLAIN_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_MAX_NAME_LENGTH = 253  # RFC 1035 section 2.3.4, without the lengths of the labels
_ADDRESS = re.compile(rf"({_HOST}):([0-9]{{1,5}})")
_SERVER = re.compile(rf"(https?)://({_HOST})(?::([0-9]{{1,5}}))?")
_PORT_ALONE = re.compile(r"(?:\*?:)?([0-9]{1,5})")  # as in other products: every address
_MAX_PORT = 65535

# RFC 1918, RFC 4193, and loopback and link-local ones of both versions. Not all that is not global:
# a network for documentation may lead anywhere.
_PRIVATE = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"),
        *("fc00::/7", "fe80::/10", "::1/128"),
    )
)

# Lower ports need a privilege; the administrator can change the limit.
_FIRST_FREE_PORT: Final = 1024


def parse_address(text: str) -> Address | str:
    """Return ``host:port`` or ``[v6]:port`` as an address, or why it is not one."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        port = _PORT_ALONE.fullmatch(text)
        write = f"0.0.0.0:{port[1]}" if port else "host:port, e.g. 127.0.0.1:8080 or [::1]:8080"
        return f"not an address: write {write}"
    host = _plain_host(found[1])
    if host is None:
        return "the brackets do not hold an IPv6 address"
    if int(found[2]) > _MAX_PORT:
        return f"the port is larger than {_MAX_PORT}"
    return Address(host, int(found[2]))


def parse_server(text: str) -> Server | str:
    """Return ``http://host:port`` as a server, or what is wrong with it."""
    found = _SERVER.fullmatch(text)
    if found is None:
        message = "not a server: write http:// or https://, a host and optionally a port; no path"
        near = re.match(r"(https?://)?([A-Za-z0-9.-]+(?::[0-9]+)?)(?:/|$)", text)
        return message if near is None else f"{message}, as in {near[1] or 'http://'}{near[2]}"
    host = _plain_host(found[2])
    if host is None:
        return "the brackets do not hold an IPv6 address"
    tls = found[1] == "https"
    port = int(found[3]) if found[3] else (443 if tls else 80)
    if not 0 < port <= _MAX_PORT:
        return f"the port is not between 1 and {_MAX_PORT}"
    # RFC 9110 section 4.2.3: the default port is left out of the authority.
    is_default = port == (443 if tls else 80)
    name = f"[{host}]" if ":" in host else host
    return Server(host, port, tls, name if is_default else f"{name}:{port}")


def parse_network(text: str) -> IPv4Network | IPv6Network | str:
    """Return ``10.0.0.0/8`` or a single address as a network, or what is wrong with it."""
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        return f"has host bits set: write {ip_network(text, strict=False)}"
    except ValueError:
        return "is not a network: write it like 10.0.0.0/8"


def is_host(text: str) -> bool:
    """Return whether *text* is a name of a host, or an address without brackets."""
    if _PLAIN_NAME.fullmatch(text) is not None and len(text) <= _MAX_NAME_LENGTH:
        return True
    return is_ip(text)


def is_ip(text: str) -> bool:
    """Return whether *text* is an IP address, without brackets."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether *host* is this machine, by name or by address."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_private_address(text: str) -> bool:
    """Return whether *text* is an address of a private network, of a link, or of this machine."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in _PRIVATE)


def check_key_url(text: str, *, is_insecure: bool = False) -> str | None:
    """Return what is wrong with *text* as the URL of keys, metadata or revocations, or None.

    Only http and https: a fetcher that also opens file: reads any local file
    (GHSA-993g-76c3-p5m4). Plain http only on loopback: anyone who can replace keys in transit
    can sign tokens. If it *is_insecure*, to any name or private address; whether the name has
    private addresses is checked when it is connected to.
    """
    host = _host_of(text)
    if host is None:
        return "not a URL: write it like https://login.example.com/keys"
    if not text.startswith("http://") or is_loopback(host):
        return None
    if is_insecure:
        is_public = is_ip(host) and not is_private_address(host)
        return "plain http to a public address: use https" if is_public else None
    return "a document fetched over plain http can be replaced in transit: use https"


def is_web_url(text: str) -> bool:
    """Return whether *text* is an http: or https: URL, possibly with a fragment."""
    page, _, fragment = text.partition("#")
    return _host_of(page) is not None and re.fullmatch(r"[\x21-\x7e]*", fragment) is not None


def is_plain_http(text: str) -> bool:
    """Return whether *text* is an http: URL, without TLS."""
    return text.lower().startswith("http://")


def leaves_unprotected(text: str) -> bool:
    """Return whether *text* is an http: URL that leaves this machine, or may."""
    host = _host_of(text)
    return is_plain_http(text) and (host is None or not is_loopback(host))


def _host_of(text: str) -> str | None:
    if not re.fullmatch(r"https?://[\x21-\x7e]+", text):
        return None
    try:
        parts = urlsplit(text)
        usable = parts.port is None or 0 < parts.port <= _MAX_PORT
    except ValueError:
        return None
    if parts.username is not None or parts.password is not None or parts.fragment or not usable:
        return None
    return parts.hostname


def _plain_host(text: str) -> str | None:
    if not text.startswith("["):
        return text.lower()
    try:
        return str(IPv6Address(text[1:-1]))  # only IPv6 has brackets (RFC 3986 §3.2.2)
    except ValueError:
        return None


@contextmanager
def name_bind_errors(address: Address, key: str) -> Iterator[None]:
    """Make an OSError in this block name *address* and its configuration *key*."""
    try:
        yield
    except OSError as error:
        host = f"[{address.host}]" if ":" in address.host else address.host
        words = f"cannot listen on {host}:{address.port} ({key}): {_why(error, address.port)}"
        raise OSError(error.errno, words) from error


def _why(error: OSError, port: int) -> str:
    if isinstance(error, socket.gaierror):
        return "unknown host name"
    match error.errno:
        case errno.EADDRINUSE:
            return "address already in use"
        case errno.EADDRNOTAVAIL:
            return "not an address of this machine"
        case errno.EAFNOSUPPORT:
            return "this machine has no IPv6"
        case errno.EACCES if port < _FIRST_FREE_PORT:
            return f"permission denied: a port below {_FIRST_FREE_PORT} needs CAP_NET_BIND_SERVICE"
        case _:
            return (error.strerror or type(error).__name__).lower()
