"""Choose names that no route has, to stand for all such names."""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain, count
from typing import Final

from gateway.decision.rules.claim_tests import all_tests
from gateway.suites.symbolic.tries import HostTries

# RFC 3986 §3.3: pchar without `;`, which a canonical path must not have.
PLAIN: Final = "-._~!$&'()*+,=:@"

# Plain words first: people read the requests.
_WORDS = ("some", "other", "any")

# RFC 2606 §3
_DOMAINS = ("example", "test", "invalid")


class Fresh:
    """Segments and labels that are in none of *tries* and *hosts*, nor constants of claim rules."""

    def __init__(self, tries: Iterable[HostTries], hosts: Iterable[str] = ()) -> None:
        segments: set[str] = set()
        labels = {label for host in hosts for label in host.split(".")}
        for one in tries:
            labels.update(label for host in one.roots for label in host.split("."))
            for leaf in one.leaves():
                segments.update(part for part in leaf.segments if isinstance(part, str))
                for route in leaf.routes():
                    for test in all_tests(route.claims):
                        segments.update(_texts(test.operand))
        self._stem = _choose(_WORDS, segments)
        self._label = _choose(_WORDS, labels)
        self._domain = _choose(_DOMAINS, labels)

    def segment(self, position: int) -> str:
        """Return a segment for *position*; each position has its own."""
        return f"{self._stem}-{position + 1}"

    def host(self, host: str) -> str:
        """Return a name that stands for all those of *host* that no table names in full.

        *host* is as in ``HostTries``.
        """
        if not host:
            return f"{self._label}.{self._domain}"
        return f"{self._label}{host}" if host.startswith(".") else host


def _texts(operand: object) -> Iterator[str]:
    if isinstance(operand, str):
        yield operand
    elif isinstance(operand, list | tuple):
        for one in operand:
            yield from _texts(one)


def _choose(words: Iterable[str], taken: Collection[str]) -> str:
    """Return a word that begins none of *taken*."""
    every = chain(words, (f"x{number}x" for number in count()))
    return next(word for word in every if not any(one.startswith(word) for one in taken))
