"""Identity headers, and the field names that services could confuse with them."""

from dataclasses import dataclass, field, replace
from typing import Final

from gateway.decision.rules.claim_sources import ClaimSource

# CGI and its successors read `X-User-Id`, `X_User_Id` and sometimes `X.User.Id` or any other sign
# as one variable (CVE-2025-64484, CVE-2026-39858). Here all signs are the same.
_CANONICAL = bytes(
    byte if byte in b"abcdefghijklmnopqrstuvwxyz0123456789" else ord("-")
    for byte in bytes(range(256)).lower()
)


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Which header carries which claim: ((b"X-Gateway-Subject", ("sub",)), …).

    *forward_token* keeps the client's Authorization field. *reserved* are other fields that the
    gateway writes: of the assertion, and those that only some issuers or routes have. *starts* are
    the headers again, each as the text before its value.
    """

    headers: tuple[tuple[bytes, ClaimSource], ...]
    forward_token: bool
    reserved: tuple[bytes, ...] = ()
    starts: tuple[tuple[str, ClaimSource], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts = tuple((f"{name.decode('latin-1')}: ", source) for name, source in self.headers)
        object.__setattr__(self, "starts", starts)

    def replaced(self, own: "OwnHeaders") -> "Identity":
        """Return this identity with headers of an issuer or a route in place of those it has.

        They replace those that a service could confuse with them.
        """
        headers = {canonical_alias(name): (name, source) for name, source in self.headers}
        for name, source in own:
            if source is None:
                headers.pop(canonical_alias(name), None)
            else:
                headers[canonical_alias(name)] = name, source
        return replace(self, headers=tuple(headers.values()))


OwnHeaders = tuple[tuple[bytes, ClaimSource | None], ...]
"""The headers that an issuer or a route has of its own; None means that one is not sent."""


# The prefix of the default names, as an alias. Services may still read one that `identity.headers`
# replaces, or that another gateway wrote: all of them belong to the gateway in any configuration.
IDENTITY_START: Final = b"x-gateway-"

# What services read as a transaction token (draft-ietf-oauth-transaction-tokens): a client could
# forge the start of a call chain with it, whatever the configuration.
TXN_TOKEN: Final = b"txn-token"

# CGI puts it in front of field names (RFC 3875 §4.1.18); here as an alias.
CGI_PREFIX: Final = b"http-"


def canonical_alias(name: bytes) -> bytes:
    """Return the common spelling of all field names that a service may confuse with *name*."""
    return name.translate(_CANONICAL)


def identity_aliases(identity: Identity) -> frozenset[bytes]:
    """Return the canonical aliases of all identity headers, and of transaction tokens.

    A client's field whose ``canonical_alias`` is among them, or begins with ``IDENTITY_START``,
    must never reach a service. A header may have the name of a CGI variable, ``HTTP_X_USER_ID``:
    services that read it confuse ``X-User-Id`` with it, so both have one alias.
    """
    names = (*(name for name, _ in identity.headers), *identity.reserved)
    aliases = frozenset(canonical_alias(name).removeprefix(CGI_PREFIX) for name in names)
    return aliases | {TXN_TOKEN}
