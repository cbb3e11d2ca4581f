"""Revocation lists, compiled for look-up."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class RevocationRule:
    """One configured list: *name* is its key in the configuration, *issuers* are by name.

    If it *refuses_without*, tokens of these issuers are refused while the list is unavailable.
    """

    name: str
    issuers: frozenset[str]
    refuses_without: bool


@dataclass(frozen=True, slots=True)
class Revocation:
    """One entry of a list: tokens that have all of *claims*, of which there is at least one.

    *claims* are pairs of name and value, in the order of the names. *expires_at* is when the entry
    itself expires; tokens issued at or after *issued_before* are spared. Both are in seconds since
    the epoch, and infinite without such a bound.
    """

    claims: tuple[tuple[str, str], ...]
    expires_at: float
    issued_before: float


class RevocationList:
    """All entries of one list; replaced as a whole.

    The cost of a look-up depends on the kinds of entries (`jti`; `iss` and `sub`; …), not on their
    number. *digest* is that of the list's text.
    """

    __slots__ = ("_kinds", "digest", "size")

    def __init__(self, entries: Sequence[Revocation], digest: bytes = b"") -> None:
        kinds: dict[tuple[str, ...], dict[tuple[str, ...], list[Revocation]]] = {}
        for entry in entries:
            names, values = zip(*entry.claims, strict=True)
            kinds.setdefault(names, {}).setdefault(values, []).append(entry)
        self._kinds = [
            (names, {values: _bounds(same) for values, same in alike.items()})
            for names, alike in kinds.items()
        ]
        self.digest = digest
        self.size = len(entries)

    def revokes(
        self, claims: Mapping[str, object], issued_at: float | None, now: float, leeway: float
    ) -> bool:
        """Return whether a token with *claims*, issued at *issued_at*, is revoked at *now*.

        *leeway* in seconds extends entries as it extends tokens: an entry that expires with its
        token must not expire earlier.
        """
        for names, alike in self._kinds:
            bounds = alike.get(tuple(map(claims.get, names)))  # type: ignore[arg-type]
            if bounds is not None and _hold(bounds, issued_at, now, leeway):
                return True
        return False


RevocationLists = Mapping[str, RevocationList]  # by name; an unavailable list is absent


# The expiry times of entries with equal claims, in order, and for each the latest `issued_before`
# of those that expire then or later. One user may have many: a log-out every day. Tuples of
# numbers, because the garbage collector need not traverse 50,000 of them again and again.
_Bounds = tuple[tuple[float, ...], tuple[float, ...]]


def _bounds(entries: Iterable[Revocation]) -> _Bounds:
    ordered = sorted(entries, key=lambda entry: entry.expires_at)
    latest = accumulate((entry.issued_before for entry in reversed(ordered)), max)
    return tuple(entry.expires_at for entry in ordered), tuple(latest)[::-1]


def _hold(bounds: _Bounds, issued_at: float | None, now: float, leeway: float) -> bool:
    ends, issued_before = bounds
    # The same sum as for the expiry of a token, so that rounding affects both alike.
    index = bisect_right(ends, now, key=lambda end: end + leeway)
    if index == len(ends):
        return False
    return issued_at is None or issued_at < issued_before[index]
