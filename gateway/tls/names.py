"""Choose a certificate by the name that a client asks for."""

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def find_by_name(named: Mapping[str, T]) -> Callable[[str], T | None]:
    """Return a function from a host name to what *named* has for it.

    An exact name wins over a wildcard, and ``*.example.com`` stands for exactly one label
    (RFC 9525 section 6.3).
    """

    def find(name: str) -> T | None:
        name = name.lower()
        found = named.get(name)
        if found is not None:
            return found
        _, dot, parent = name.partition(".")
        return named.get(f"*.{parent}") if dot else None

    return find
