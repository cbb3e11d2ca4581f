"""Which header fields tell services who is calling, and which names are too close to them."""

from dataclasses import dataclass, field
from typing import Final

# CGI and its heirs see `X-User-Id`, `X_User_Id` and, some of them, `X.User.Id` or any other
# sign as one variable (CVE-2025-64484, CVE-2026-39858). All signs are one here.
_CANONICAL = bytes(
    byte if byte in b"abcdefghijklmnopqrstuvwxyz0123456789" else ord("-")
    for byte in bytes(range(256)).lower()
)


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Which header carries which claim: ((b"X-Gateway-Subject", ("sub",)), …).

    A claim is a path of names into nested claims. *forward_token* keeps the client's own
    Authorization field. *reserved* are fields that the gateway writes beside these. *starts* are
    the headers again, each as the text before its value.
    """

    headers: tuple[tuple[bytes, tuple[str, ...]], ...]
    forward_token: bool
    reserved: tuple[bytes, ...] = ()
    starts: tuple[tuple[str, tuple[str, ...]], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts = tuple((f"{name.decode('latin-1')}: ", path) for name, path in self.headers)
        object.__setattr__(self, "starts", starts)


# The default names begin so, as an alias. Services may still read one that `identity.headers` has
# replaced, or that another gateway wrote: all of them are ours, whatever a configuration says.
IDENTITY_START: Final = b"x-gateway-"

# CGI puts it in front of the name of a field (RFC 3875 §4.1.18); here as an alias has it.
CGI_PREFIX: Final = b"http-"


def canonical_alias(name: bytes) -> bytes:
    """Return the one spelling of all field names that some service may take for *name*."""
    return name.translate(_CANONICAL)


def identity_aliases(identity: Identity) -> frozenset[bytes]:
    """Return the canonical aliases of all identity headers.

    A client's field whose ``canonical_alias`` is among them, or begins with ``IDENTITY_START``,
    must never reach a service. A header may bear the name of a CGI variable, ``HTTP_X_USER_ID``:
    whoever reads that takes ``X-User-Id`` for it, so its alias is that of ``X-User-Id``.
    """
    names = (*(name for name, _ in identity.headers), *identity.reserved)
    return frozenset(canonical_alias(name).removeprefix(CGI_PREFIX) for name in names)
