"""Find the requests with `;` or `%2F` that reach a route in only one of two configurations.

Such a path belongs to its route unless another route owns one of its readings
(``gateway.decision.readings``). So a route may gain requests although its own rules stay the same:
if another one goes.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple
from urllib.parse import quote

from gateway.decision.routes.routing import Route
from gateway.suites.symbolic.fresh import PLAIN, Fresh
from gateway.suites.symbolic.tries import HostTries, Leaf, hosts_around
from gateway.suites.symbolic.walk import find_leaf, find_prefix

Shape = tuple[str | None, ...]
_Place = tuple[str, Shape, bool]

# Other routes that are tried for one route, in some ten requests each.
_MAX_AIMS = 20


class OddRequest(NamedTuple):
    """A request that may be what is looked for; *literals* are those of its route's template."""

    method: str
    host: str
    target: bytes
    literals: dict[int, str]


class OddRoute(NamedTuple):
    """A route that may own odd requests in one configuration only, perhaps one of *requests*."""

    route: Route
    requests: Iterator[OddRequest]


class OddPaths:
    """Odd requests that reach a route of *own*, and none of *other*.

    *methods* are those that are told apart.
    """

    def __init__(
        self, own: HostTries, other: HostTries, fresh: Fresh, methods: Collection[str]
    ) -> None:
        self._own = own
        self._fresh = fresh
        self._methods = methods
        own_places = {_place(leaf) for leaf in own.leaves()}
        self._other = {_place(leaf): leaf for leaf in other.leaves()}
        # By the first segment; "" if that may be any.
        self._gone: dict[str, list[Leaf]] = {}
        for place, leaf in self._other.items():
            if place not in own_places:
                self._gone.setdefault(_first(leaf), []).append(leaf)

    def routes(self) -> Iterator[OddRoute]:
        """Yield each route, once for each of its hosts, that may own such requests."""
        for leaf in self._own.leaves():
            for route in dict.fromkeys(leaf.routes()):
                kinds = [kind for kind in _kinds(route) if not self._is_never_owner(leaf, kind)]
                if not kinds:
                    continue
                gone = (one for one in self._near(leaf) if self._matters(leaf, kinds, one))
                first = next(gone, None)
                if first is not None:
                    yield OddRoute(route, self._requests(leaf, route, kinds, chain((first,), gone)))
                elif not self._is_stable(leaf, route):
                    yield OddRoute(route, self._requests(leaf, route, kinds, ()))

    # --- what cannot be

    def _is_never_owner(self, leaf: Leaf, kind: str) -> bool:
        """Return whether other routes own a reading of every odd path of *leaf*."""
        variables = [at for at, one in enumerate(leaf.segments) if not isinstance(one, str)]
        if leaf.is_prefix:
            return False
        shape, roots = _shape(leaf), self._own.levels(leaf.host)
        for at in variables:
            if kind == ";":  # all from there on may be cut off
                owner = find_leaf(roots, shape[: at + 1])
                if owner is None or len(owner.segments) == len(shape):
                    return False
            elif find_prefix(roots, shape[:at]) is None:
                return False
        return True

    def _is_stable(self, leaf: Leaf, route: Route) -> bool:
        """Return whether the same routes own the same places on the other side.

        Those of *leaf* count, on all hosts of *route*, by all its methods.
        """
        for method in self._methods:
            if leaf.owner(method) is not route:
                continue
            owners = set()
            for host in route.hosts or ("",):
                other = self._other.get((host.removeprefix("*"), _shape(leaf), leaf.is_prefix))
                owners.add(None if other is None else other.owner(method))
            owner = owners.pop()
            if owners or owner is None or not set(_kinds(route)) <= set(_kinds(owner)):
                return False
        return True

    def _near(self, leaf: Leaf) -> Iterator[Leaf]:
        """Yield the leaves that are gone here and may own a reading of a path of *leaf*."""
        first = _first(leaf)
        if not first:
            for leaves in self._gone.values():
                yield from leaves
            return
        yield from self._gone.get(first, ())
        yield from self._gone.get("", ())

    def _matters(self, leaf: Leaf, kinds: Collection[str], gone: Leaf) -> bool:
        if not _share_hosts(leaf.host, gone.host):
            return False
        if not any(_may_read(leaf, kind, kinds, gone) for kind in kinds):
            return False
        # If a more general leaf now owns all of its paths, they still belong to another route.
        shape = (*_shape(gone), None) if gone.is_prefix else _shape(gone)
        owner = find_leaf(self._own.levels(gone.host), shape)
        is_covered = owner is not None and (
            not gone.is_prefix or (owner.is_prefix and len(owner.segments) <= len(gone.segments))
        )
        return not is_covered or (_share_paths(leaf, gone) and _outranks(gone, leaf))

    # --- what may be

    def _requests(
        self, leaf: Leaf, route: Route, kinds: Collection[str], aims: Iterable[Leaf]
    ) -> Iterator[OddRequest]:
        """Yield odd requests of *leaf*, of which *aims* may own other readings."""
        methods = [one for one in self._methods if leaf.owner(one) is route]
        literals = {at: one for at, one in enumerate(leaf.segments) if isinstance(one, str)}
        for other in chain(islice(aims, _MAX_AIMS), (None,)):
            host = leaf.host
            if other is not None and len(other.host) > len(host):
                host = other.host
            for target in dict.fromkeys(self._targets(leaf, kinds, other)):
                for method in methods:
                    yield OddRequest(method, self._fresh.host(host), target.encode(), literals)

    def _targets(self, leaf: Leaf, kinds: Collection[str], other: Leaf | None) -> Iterator[str]:
        """Yield odd paths of *leaf*, with readings that *other* may own."""
        own = self._sent(leaf)
        aim = own if other is None else self._sent(other)
        if leaf.is_prefix and len(aim) > len(own):
            own += aim[len(own) :]
        fixed = {at for at, one in enumerate(leaf.segments) if isinstance(one, str)}
        free = [at for at in range(len(own)) if at not in fixed]
        aimed = [aim[at] if at in free and at < len(aim) else one for at, one in enumerate(own)]
        for base in (aimed, own):
            if ";" in kinds:
                yield from _with_parameters(base, free)
            if "%2F" in kinds:
                ends = ("", "%2F", "%2Fx", *([";x"] if ";" in kinds else []))
                yield from _with_slashes(base, free, aim, ends)

    def _sent(self, leaf: Leaf) -> list[str]:
        shape = (*_shape(leaf), None) if leaf.is_prefix else _shape(leaf)
        return [
            self._fresh.segment(at) if one is None else quote(one, safe=PLAIN)
            for at, one in enumerate(shape)
        ]


def _with_parameters(path: list[str], free: list[int]) -> Iterator[str]:
    """Yield *path* with parameters in *free* segments."""
    for chosen in (free, *([at] for at in free)):
        if chosen:
            parts = [f"{one};x" if at in chosen else one for at, one in enumerate(path)]
            yield "/" + "/".join(parts)
    if len(path) - 1 in free:
        # Nothing but a parameter: without it, the path ends with a slash, or before it.
        yield "/" + "/".join((*path[:-1], ";x"))


def _with_slashes(
    path: list[str], free: list[int], aim: list[str], ends: Iterable[str]
) -> Iterator[str]:
    """Yield *path* with several segments of *aim* in one that is *free*, and one of *ends*."""
    for at in free:
        for end in range(at + 1, len(aim) + 1):
            joined = "%2F".join(aim[at:end])
            moved = [
                aim[end + number] if after in free and end + number < len(aim) else path[after]
                for number, after in enumerate(range(at + 1, len(path)))
            ]
            for rest in (moved, path[at + 1 :]):
                for part in (f"{joined}{text}" for text in ends):
                    if "%2F" in part:
                        yield "/" + "/".join((*path[:at], part, *rest))


def _kinds(route: Route) -> Iterator[str]:
    if route.allow_semicolon:
        yield ";"
    if route.allow_encoded_slash:
        yield "%2F"


def _shape(leaf: Leaf) -> Shape:
    return tuple(one if isinstance(one, str) else None for one in leaf.segments)


def _place(leaf: Leaf) -> _Place:
    return leaf.host, _shape(leaf), leaf.is_prefix


def _first(leaf: Leaf) -> str:
    first = leaf.segments[0] if leaf.segments else None
    return first if isinstance(first, str) else ""


def _share_hosts(one: str, other: str) -> bool:
    return one == other or one in hosts_around(other) or other in hosts_around(one)


def _share_paths(one: Leaf, other: Leaf) -> bool:
    """Return whether a path matches both templates."""
    pairs = [{*pair} for pair in zip(_shape(one), _shape(other), strict=False)]
    if {"", None} in pairs or not _agree(_shape(one), _shape(other)):
        return False
    if len(one.segments) == len(other.segments):
        return one.is_prefix == other.is_prefix
    shorter = min(one, other, key=lambda leaf: len(leaf.segments))
    return shorter.is_prefix


def _outranks(one: Leaf, other: Leaf) -> bool:
    """Return whether *one* owns the paths that both templates match, on the hosts of both."""
    if one.host != other.host:
        return other.host in hosts_around(one.host)
    return _rank(one) < _rank(other)


def _rank(leaf: Leaf) -> list[int]:
    """Return a sort key: of the leaves of one host that match a path, the least owns it."""
    kinds = [0 if isinstance(one, str) else 1 for one in leaf.segments]
    return [*kinds, 2] if leaf.is_prefix else kinds


def _may_read(leaf: Leaf, kind: str, kinds: Collection[str], other: Leaf) -> bool:
    """Return whether a path of *leaf* may be read as one of *other*, for all that is known.

    It has what *kind* says in it, and perhaps others of *kinds*.
    """
    shape, last = _shape(leaf), len(other.segments) - 1
    if other.segments[-1:] == ("",) and last < len(shape) and shape[last] is None:
        # Only parameters alone leave nothing, and only at the end.
        return (
            kind == ";"
            and _agree(shape, _shape(other))
            and last == len(shape) - 1
            and not leaf.is_prefix
        )
    if kind == "%2F" and None in shape:
        # From the first variable on, slashes may be anywhere.
        is_cut = ";" in kinds
        starts_alike = _agree(shape[: shape.index(None)], _shape(other))
        return starts_alike and (is_cut or _may_end(leaf, other))
    is_longer = len(other.segments) > len(shape)
    return _agree(shape, _shape(other)) and (leaf.is_prefix or not is_longer)


def _may_end(leaf: Leaf, other: Leaf) -> bool:
    """Return whether a path of *leaf* with more slashes in it may end as one of *other*.

    It may lose a slash at its end, but nothing else.
    """
    if other.is_prefix:
        return True
    own, others = _shape(leaf), _without_last_slash(_shape(other))
    if leaf.is_prefix:
        return len(others) >= len(own)
    own = _without_last_slash(own)
    ending = own[len(own) - own[::-1].index(None) :]
    if any(text is not None and "/" in text for text in ending):
        return True
    return len(others) >= len(own) and _agree(ending[::-1], others[::-1])


def _without_last_slash(shape: Shape) -> Shape:
    return shape[:-1] if shape[-1:] == ("",) else shape


def _agree(one: Shape, other: Shape) -> bool:
    pairs = zip(one, other, strict=False)
    return all(first == second or None in {first, second} for first, second in pairs)
