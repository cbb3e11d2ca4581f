"""Turn verified claims into the header fields that services trust."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Which header carries which claim: ((b"X-Gateway-Subject", ("sub",)), …).

    A claim is a path of names into nested claims. *forward_token* keeps the client's own
    Authorization field.
    """

    headers: tuple[tuple[bytes, tuple[str, ...]], ...]
    forward_token: bool
