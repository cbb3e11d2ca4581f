"""Walk through two route tables at once, to every pair of templates that share a request."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from gateway.decision.routes.routing import Route
from gateway.suites.symbolic.likeness import Likeness
from gateway.suites.symbolic.tries import ANY_LENGTH, HostTries, Leaf, Node, mark

# A step takes some microseconds. Real tables take a few for each route.
MAX_STEPS = 200_000

Path = tuple[str | None, ...]
"""The segments of a path; None is any segment that no template names, and is not empty."""

_One = Node | Leaf
_Ways = tuple[_One, ...]
_Pair = tuple[_One | None, _One | None]


class Meeting(NamedTuple):
    """Requests that *old* and *new* own, or nothing does (None), on each side.

    *host* is as in ``HostTries``: hosts that no table names more specifically. Every such request
    has the segments of *path*, but that None may be any segment that leads nowhere else.
    """

    host: str
    path: Path
    old: Leaf | None
    new: Leaf | None


class TooManyStepsError(Exception):
    """The tables overlap in more ways than can be told apart; *leaf* is where the walk ended."""

    def __init__(self, leaf: Leaf | None) -> None:
        super().__init__("more steps than allowed")
        self.leaf = leaf


class Walk:
    """The product of the tables *old* and *new*, as a subset construction over their tries.

    A state is the ways that both look-ups may still go, in the order of their rank: after a
    segment, the child of the literal, that of the variable, and the prefix that owns all else. A
    way that ranks below a prefix is never gone.

    What a more general request shows is not shown again. A request with a literal segment that
    neither owner's template has behaves like one with any other segment there, and a request to a
    host that neither owner names behaves like one to a less specific host. So only pairs of ways
    count whose templates have all literals of the path (``Node.marks``), and one the host.
    """

    def __init__(
        self,
        old: HostTries,
        new: HostTries,
        alike: Callable[[Route, Route], bool],
        max_steps: int = MAX_STEPS,
    ) -> None:
        self._old = old
        self._new = new
        self.likeness = Likeness(alike)
        self._max_steps = self._steps_left = max_steps

    def hosts(self) -> list[str]:
        """Return all hosts of both tables, the least specific first."""
        found = {"": None, **dict.fromkeys((*self._old.roots, *self._new.roots))}
        return sorted(found, key=lambda host: (bool(host), not host.startswith("."), len(host)))

    def meetings(self, host: str, *, by_session: bool = False) -> Iterator[Meeting]:
        """Yield the meetings on *host* that no less specific host has.

        With *by_session* those of routes with a login, also if less specific hosts have them, too.
        Raises TooManyStepsError.
        """
        own = None if by_session else host
        if by_session:
            self._steps_left = self._max_steps  # of these hosts there are few
        visited: set[tuple[_Ways, _Ways]] = set()
        met: set[tuple[Leaf | None, Leaf | None]] = set()
        left: list[tuple[_Ways, _Ways, Path, int]] = [
            (self._old.levels(host), self._new.levels(host), (), 0)
        ]
        while left:
            old, new, path, marks = left.pop()
            if (old, new) in visited:
                continue
            pairs = self._pairs(old, new, marks, own)
            if not pairs:
                continue
            visited.add((old, new))
            for end, owners in _ends(path, old, new):
                if owners not in met and _is_new(*owners, marks, own):
                    met.add(owners)
                    yield Meeting(host, end, *owners)
            if not _goes_on(old) and not _goes_on(new):
                continue
            symbols = _symbols(pairs)
            self._spend(len(symbols) + 1, old + new)
            for symbol in reversed(symbols):
                following = _step(old, symbol), _step(new, symbol)
                left.append((*following, (*path, symbol), marks | mark(symbol, len(path))))
            # Last, so that it is the next: the plainest path is met first.
            left.append((_step(old, None), _step(new, None), (*path, None), marks))

    def _spend(self, steps: int, ways: _Ways) -> None:
        self._steps_left -= steps
        if self._steps_left < 0:
            raise TooManyStepsError(next((_some_leaf(one) for one in ways), None))

    def _pairs(self, old: _Ways, new: _Ways, marks: int, own: str | None) -> list[_Pair]:
        """Return the pairs of ways that may both lead to owners, and show something new."""
        found: list[_Pair] = []
        covers = self.likeness.covers
        ways_new = new if new and isinstance(new[-1], Leaf) else (*new, None)
        ways_old = old if old and isinstance(old[-1], Leaf) else (*old, None)
        for i, one in enumerate(ways_old):
            for j, other in enumerate(ways_new):
                if not _lengths(one) & _lengths(other) or not _is_new(one, other, marks, own):
                    continue
                if one is not None and other is not None and self.likeness.same(one, other):
                    continue
                # A way that ranks higher takes all requests of the other side's.
                if one is not None and any(covers(way, one) for way in new[:j]):
                    continue
                if other is not None and any(covers(way, other) for way in old[:i]):
                    continue
                found.append((one, other))
        return found


def _is_new(one: _One | None, other: _One | None, marks: int, own: str | None) -> bool:
    known, hosts = 0, []
    for way in (one, other):
        if way is not None:
            known |= way.marks
            hosts.append(way.host)
    if not hosts or marks & ~known:
        return False
    if own is None:
        return any(way is not None and way.logs_in for way in (one, other))
    return own in hosts


def _ends(
    path: Path, old: _Ways, new: _Ways
) -> Iterator[tuple[Path, tuple[Leaf | None, Leaf | None]]]:
    """Yield the owners of *path*, and with any segment or only a slash at its end."""
    if path:
        yield path, (_end(old), _end(new))
    if _goes_on(old) or _goes_on(new):
        # First, for people: the slash alone is no good example of what a prefix owns.
        yield (*path, None), (_end(_step(old, None)), _end(_step(new, None)))
        yield (*path, ""), (_end(_step(old, "")), _end(_step(new, "")))


def _goes_on(ways: _Ways) -> bool:
    return bool(ways) and isinstance(ways[0], Node)


def _end(ways: _Ways) -> Leaf | None:
    """Return what owns a path that ends here."""
    for way in ways:
        if isinstance(way, Leaf):
            return way
        if way.end is not None:
            return way.end
    return None


def find_leaf(ways: _Ways, segments: Iterable[str | None]) -> Leaf | None:
    """Return the leaf that owns the path of *segments*, in the tries with these roots."""
    for segment in segments:
        ways = _step(ways, segment)
    return _end(ways)


def find_prefix(ways: _Ways, segments: Iterable[str | None]) -> Leaf | None:
    """Return a prefix that owns all below the path of *segments* that is not owned otherwise."""
    for segment in (*segments, None):
        ways = _step(ways, segment)
    return next((way for way in ways if isinstance(way, Leaf)), None)


def _step(ways: _Ways, segment: str | None) -> _Ways:
    """Return the ways after *segment*; None is one that is no literal of any node."""
    found: list[_One] = []
    for way in ways:
        if isinstance(way, Leaf):
            found.append(way)
            break
        literal = None if segment is None else way.literals.get(segment)
        if literal is not None:
            found.append(literal)
        if segment != "" and way.variable is not None:
            found.append(way.variable)
        if way.prefix is not None:
            found.append(way.prefix)
            break
    return tuple(found)


def _lengths(way: _One | None) -> int:
    """Return how many segments may follow *way*, as bits; after None, no way, any number."""
    return way.lengths if isinstance(way, Node) else ANY_LENGTH


def _symbols(pairs: Iterable[_Pair]) -> dict[str, None]:
    """Return the literals by which one of a pair goes on, and the other may, too."""
    found: dict[str, None] = {}
    for pair in pairs:
        for one, other in (pair, pair[::-1]):
            if not isinstance(one, Node):
                continue
            if not isinstance(other, Node) or one.after_literal & other.after_any:
                found.update(dict.fromkeys(one.literals))
            else:
                few, many = sorted((one.literals, other.literals), key=len)
                found.update(dict.fromkeys(text for text in few if text in many))
    found.pop("", None)
    return found


def _some_leaf(way: _One) -> Leaf:
    while isinstance(way, Node):
        below = next(iter(way.literals.values()), way.variable)
        way = way.end or way.prefix or below or way  # every node leads to a leaf
    return way
