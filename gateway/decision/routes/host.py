"""Parse the Host of a request into its canonical form."""

import re
from ipaddress import AddressValueError, IPv6Address

# RFC 1035 §2.3.4: what the DNS can carry.
_MAX_HOST_CHARACTERS = 255

# RFC 3986 §3.2.2, stricter in two points: no comma, since some stacks join two Host fields with
# one (CVE-2026-34525), and no percent escape, which would be a second spelling.
_NAME = r"[A-Za-z0-9\-_~!$&'()*+;=]+(?:\.[A-Za-z0-9\-_~!$&'()*+;=]+)*\.?"
_HOST = re.compile(rf"(?:(?P<name>{_NAME})|\[(?P<six>[0-9A-Fa-f:.]+)\])(?::[0-9]{{0,5}})?")


def canonical_host(value: bytes) -> str | None:
    """Return *value* in lower case without port and trailing dot, or None if it is not a host.

    Refuses the empty value, user information, commas, paths and anything else that RFC 3986
    §3.2.2 (reg-name, IPv4, bracketed IPv6; port of at most five digits) does not allow.
    """
    if len(value) > _MAX_HOST_CHARACTERS or not value.isascii():
        return None
    match = _HOST.fullmatch(value.decode("ascii"))
    if match is None:
        return None
    if match["name"] is not None:
        return match["name"].removesuffix(".").lower()
    try:
        # An address has many spellings; routes must not depend on the one sent.
        return f"[{IPv6Address(match['six']).compressed}]"
    except AddressValueError:
        return None
