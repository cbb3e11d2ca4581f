"""A one-time ticket, what it stands for, and what keepers of tickets do."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.decision.reason import Reason

# 256 bits: half of them would be beyond guessing (RFC 9700 §2.1 has no number; RFC 6749 §10.10
# wants at least 128).
_TICKET_BYTES: Final = 32
_TICKET: Final = re.compile(rb"[A-Za-z0-9_-]{43}")

# Each key seals one value, so the nonce may be the same.
_NONCE: Final = bytes(12)

# Of one caller, within the lifetime of a ticket: pages open few sockets at once.
MOST_OF_CALLER: Final = 64

# In one process or one Redis; about a KiB each.
MOST_IN_ALL: Final = 50_000


class TicketsGone(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """Whoever keeps the tickets does not respond."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a ticket stands for: the *token* of its caller, on *host*.

    If *route* or *path* is not empty, it is for that route, by name, or that path alone. *caller*
    identifies issuer and subject.
    """

    token: bytes = field(repr=False)
    host: str
    caller: bytes
    route: str = ""
    path: str = ""


class Tickets(Protocol):
    """Keeps tickets: in the memory of a gateway, or in Redis for all that share it."""

    async def issue(self, grant: Grant, lifetime_seconds: float) -> str | Reason:
        """Return a new ticket, or why there is none. Raises TicketsGone."""

    async def redeem(self, ticket: bytes) -> Grant | None:
        """Return what *ticket* stands for, once; None if it is not valid. Raises TicketsGone."""


def new_ticket(random: Callable[[int], bytes]) -> bytes:
    """Return a ticket that nobody can guess."""
    return urlsafe_b64encode(random(_TICKET_BYTES)).rstrip(b"=")


def is_ticket(text: bytes) -> bool:
    """Return whether *text* has the form of a ticket."""
    return _TICKET.fullmatch(text) is not None


def key_of(ticket: bytes) -> bytes:
    """Return under what a ticket is kept: whoever reads it cannot use it."""
    return sha256(b"key:" + ticket).digest()


def caller_of(issuer: str, subject: str) -> bytes:
    """Return what identifies a caller, without its name."""
    return sha256(json.dumps([issuer, subject]).encode()).digest()


def seal(grant: Grant, ticket: bytes) -> bytes:
    """Return *grant* so that only who has *ticket* can read it."""
    parts = [grant.token.decode("ascii"), grant.host, grant.caller.hex(), grant.route, grant.path]
    return _cipher(ticket).encrypt(_NONCE, json.dumps(parts).encode(), None)


def unseal(sealed: bytes, ticket: bytes) -> Grant | None:
    """Return the grant in *sealed*; None if it is not that of *ticket*."""
    try:
        parts = json.loads(_cipher(ticket).decrypt(_NONCE, sealed, None))
    except InvalidTag:
        return None
    token, host, caller, route, path = parts
    return Grant(token.encode("ascii"), host, bytes.fromhex(caller), route, path)


def _cipher(ticket: bytes) -> AESGCM:
    return AESGCM(sha256(b"seal:" + ticket).digest())
