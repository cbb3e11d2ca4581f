"""Know which tokens ended before their time."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class RevocationRule:
    """One configured list: *name* is its key in the configuration, *issuers* are by name.

    *refuses_without* says what becomes of tokens of these issuers while the list is not at hand.
    """

    name: str
    issuers: frozenset[str]
    refuses_without: bool


@dataclass(frozen=True, slots=True)
class Revocation:
    """One entry of a list: tokens that have all of *claims*, which are never empty.

    *claims* are pairs of name and value, in the order of the names. *expires_at* is when the
    entry itself ends, *issued_before* spares tokens with this `iat` or a later one; both are in
    seconds since the epoch, and infinite where there is no such bound.
    """

    claims: tuple[tuple[str, str], ...]
    expires_at: float
    issued_before: float


class RevocationList:
    """All entries of one list at one time; replaced as a whole.

    A look-up costs by how many kinds of entries there are (`jti`; `iss` and `sub`; …), not by
    how many entries. *digest* is of the text they were read from.
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
        """Say whether a token with *claims*, issued at *issued_at*, is revoked at *now*.

        *leeway* in seconds prolongs entries as it prolongs tokens: an entry that ends with its
        token must not end before it.
        """
        for names, alike in self._kinds:
            bounds = alike.get(tuple(map(claims.get, names)))  # type: ignore[arg-type]
            if bounds is not None and _hold(bounds, issued_at, now, leeway):
                return True
        return False


RevocationLists = Mapping[str, RevocationList]  # by name; one that is not at hand is absent


# When entries with the same claims end, in that order, and the latest `issued_before` of those
# that end then or later. There may be many of them: a log-out a day, of one user. Tuples of
# numbers, for the garbage collector need not look into 50,000 of them again and again.
_Bounds = tuple[tuple[float, ...], tuple[float, ...]]


def _bounds(entries: Iterable[Revocation]) -> _Bounds:
    ordered = sorted(entries, key=lambda entry: entry.expires_at)
    latest = accumulate((entry.issued_before for entry in reversed(ordered)), max)
    return tuple(entry.expires_at for entry in ordered), tuple(latest)[::-1]


def _hold(bounds: _Bounds, issued_at: float | None, now: float, leeway: float) -> bool:
    ends, issued_before = bounds
    # The very sum by which a token expires, so that neither ends a rounding before the other.
    index = bisect_right(ends, now, key=lambda end: end + leeway)
    if index == len(ends):
        return False
    return issued_at is None or issued_at < issued_before[index]
