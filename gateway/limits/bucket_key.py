"""Find the bucket of a rate limit that a request takes from."""

from collections.abc import Sequence
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address

from gateway.decision.routes.routing import Route
from gateway.decision.rules.claim_names import find_claim
from gateway.decision.token import SignedToken
from gateway.settings.values.rates import KeyPart, PartKind, RateLimit

# The kind of a value comes before its octets, so that no two values look alike. All callers
# without a value share one bucket: leaving out a claim must not be a way around a limit.
_NOTHING, _TEXT, _NUMBER, _ROUTE, _ADDRESS = b"-", b"t", b"n", b"r", b"a"

# One subscriber has this much of an IPv6 address, and all addresses in it (RFC 6177).
_IPV6_PREFIX = slice(0, 8)

_SUBJECT = ("sub",)
_CLIENTS = (("client_id",), ("azp",))


def bucket_key(limit: RateLimit, route: Route, token: SignedToken | None, address: bytes) -> bytes:
    """Return 16 octets for the limit and the value it counts by, which they do not reveal.

    The length is the same for any value: a long claim cannot fill the memory.
    """
    spelt = [limit.name.encode()]
    for part in limit.key:
        spelt += _spell(part, route, token, address)
    return blake2b(b"".join(b"%d:%b" % (len(one), one) for one in spelt), digest_size=16).digest()


def _spell(
    part: KeyPart, route: Route, token: SignedToken | None, address: bytes
) -> Sequence[bytes]:
    match part.kind:
        case PartKind.ROUTE:
            return (_ROUTE, route.name.encode())
        case PartKind.ADDRESS:
            return (_ADDRESS, network_of(address))
    if token is None:
        return (_NOTHING,)
    value = _spell_claim(part, token)
    if value is None:
        return (_NOTHING,)
    # With the issuer: two of them may call different people `alice`, and so may two tenants.
    issuer = token.issuer.issuer if token.issuer.tenants is None else token.claims.issuer
    return (*value, issuer.encode("utf-8", "replace"))


def _spell_claim(part: KeyPart, token: SignedToken) -> tuple[bytes, bytes] | None:
    claims = token.claims.all
    if part.kind is PartKind.SUBJECT:
        return _spell_value(find_claim(claims, _SUBJECT))
    if part.kind is PartKind.CLAIM:
        return _spell_value(find_claim(claims, part.claim))
    for path in _CLIENTS:
        value = _spell_value(find_claim(claims, path))
        if value is not None:
            return value
    return None


def _spell_value(value: object) -> tuple[bytes, bytes] | None:
    """Return kind and octets of a string or a number; None for anything else, also for None."""
    if isinstance(value, str):
        return _TEXT, value.encode("utf-8", "surrogatepass")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 1.0 is 1
    if isinstance(value, int):
        return _NUMBER, b"%x" % value  # hexadecimal, because decimal takes quadratic time
    return _NUMBER, repr(value).encode()


def network_of(address: bytes) -> bytes:
    """Return the network of one subscriber: an IPv4 address, or the first half of an IPv6 one."""
    if b":" not in address:
        return address
    try:
        ip = ip_address(address.decode("latin-1").partition("%")[0])
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return address
    mapped = ip.ipv4_mapped
    return ip.packed[_IPV6_PREFIX] if mapped is None else str(mapped).encode()
