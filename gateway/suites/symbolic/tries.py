"""The route table of one configuration as tries that can be walked, one for each of its hosts."""

from collections.abc import Iterable, Iterator
from typing import Final

from gateway.decision.routes.routing import Route
from gateway.decision.routes.template import MAX_TEMPLATE_SEGMENTS, Segment


class Leaf:
    """The routes of one template on one host, by method.

    *host* is as in ``HostTries``, *marks* as in ``Node``. *logs_in* says that a route has a login.
    """

    __slots__ = ("any", "by_method", "host", "is_prefix", "logs_in", "marks", "segments")

    def __init__(
        self, host: str, segments: tuple[Segment, ...], marks: int, *, is_prefix: bool
    ) -> None:
        self.host = host
        self.segments = segments
        self.marks = marks
        self.is_prefix = is_prefix
        self.by_method: dict[str, Route] = {}
        self.any: Route | None = None
        self.logs_in = False

    def add(self, route: Route) -> None:
        """Add *route* with its methods."""
        self.logs_in = self.logs_in or bool(route.login)
        if not route.methods:
            self.any = route
        for method in route.methods:
            self.by_method[method] = route

    def owner(self, method: str | None) -> Route | None:
        """Return the route for *method*; None stands for those that no route lists."""
        return self.any if method is None else self.by_method.get(method, self.any)

    def routes(self) -> Iterator[Route]:
        """Yield the routes; one with several methods comes several times."""
        yield from self.by_method.values()
        if self.any is not None:
            yield self.any


class Node:
    """A node of a trie: the segments that may follow, and the templates that end here.

    *marks* has the bit ``1 << depth`` for each literal segment that leads here. *lengths* has the
    bit ``1 << count`` if some path goes on by *count* segments; *after_literal* is that of paths
    that go on by a literal, *after_any* of those that go on by any segment. *logs_in* says that a
    route with a login is here or below.
    """

    __slots__ = (
        "after_any",
        "after_literal",
        "end",
        "host",
        "lengths",
        "literals",
        "logs_in",
        "marks",
        "prefix",
        "variable",
    )

    def __init__(self, host: str, marks: int) -> None:
        self.host = host
        self.marks = marks
        self.literals: dict[str, Node] = {}
        self.variable: Node | None = None
        self.end: Leaf | None = None
        self.prefix: Leaf | None = None
        self.lengths = self.after_literal = self.after_any = 0
        self.logs_in = False

    def measure(self) -> None:
        """Compute the lengths, and who logs in, here and below."""
        for node in self.literals.values():
            node.measure()
            self.after_literal |= node.lengths << 1
        if self.variable is not None:
            self.variable.measure()
            self.after_any = self.variable.lengths << 1
        if self.prefix is not None:
            self.after_any |= _MORE
        self.lengths = self.after_literal | self.after_any | (self.end is not None)
        children = (*self.literals.values(), self.variable, self.end, self.prefix)
        self.logs_in = any(one is not None and one.logs_in for one in children)

    def child(self, segment: Segment, depth: int) -> "Node":
        """Return the node that *segment*, which is at *depth*, leads to; made if missing."""
        if not isinstance(segment, str):
            if self.variable is None:
                self.variable = Node(self.host, self.marks)
            return self.variable
        found = self.literals.get(segment)
        if found is None:
            found = self.literals[segment] = Node(self.host, self.marks | mark(segment, depth))
        return found


ANY_LENGTH: Final = (1 << (MAX_TEMPLATE_SEGMENTS + 2)) - 1
_MORE: Final = ANY_LENGTH - 1  # of a prefix: at least one segment


def mark(segment: str, depth: int) -> int:
    """Return the bit of a literal *segment*; the empty one has none: no variable replaces it."""
    return 1 << depth if segment else 0


class HostTries:
    """The tries of *routes*, by host.

    A host is a name, ``.example.com`` for all names below it, or empty for any.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self.roots: dict[str, Node] = {}
        for route in routes:
            for host in route.hosts or ("",):
                leaf = self._leaf(host.removeprefix("*"), route.segments, is_prefix=route.is_prefix)
                leaf.add(route)
        for root in self.roots.values():
            root.measure()

    def _leaf(self, host: str, segments: tuple[Segment, ...], *, is_prefix: bool) -> Leaf:
        node = self.roots.get(host)
        if node is None:
            node = self.roots[host] = Node(host, 0)
        for depth, segment in enumerate(segments):
            node = node.child(segment, depth)
        found = node.prefix if is_prefix else node.end
        if found is not None:
            return found
        found = Leaf(host, segments, node.marks, is_prefix=is_prefix)
        if is_prefix:
            node.prefix = found
        else:
            node.end = found
        return found

    def levels(self, host: str) -> tuple[Node, ...]:
        """Return the roots that requests to *host* are looked up in, the most specific first."""
        found = (self.roots.get(one) for one in (host, *hosts_around(host)))
        return tuple(root for root in found if root is not None)

    def leaves(self) -> Iterator[Leaf]:
        """Yield all leaves."""
        nodes = list(self.roots.values())
        while nodes:
            node = nodes.pop()
            yield from (leaf for leaf in (node.end, node.prefix) if leaf is not None)
            nodes.extend(node.literals.values())
            if node.variable is not None:
                nodes.append(node.variable)


def hosts_around(host: str) -> Iterator[str]:
    """Yield what is less specific than *host*, the most specific first; the empty host last."""
    if not host:
        return
    labels = host.removeprefix(".").split(".")
    for start in range(1, len(labels)):
        yield "." + ".".join(labels[start:])
    yield ""
