"""Index views by path, to find those that share a path with another one among thousands."""

from collections.abc import Callable, Hashable, Iterable, Iterator

from gateway.decision.routes.template import Segment
from gateway.http.service_view import ServiceView


def _one_kind(_view: ServiceView) -> Hashable:
    return ""


class ViewIndex:
    """*views* by the segments of their templates, then by *kind*."""

    def __init__(
        self,
        views: Iterable[ServiceView],
        kind: Callable[[ServiceView], Hashable] = _one_kind,
    ) -> None:
        self._root = _Node()
        for view in views:
            node = self._root
            for segment in view.segments:
                node = node.child(segment)
            kinds = node.below if view.is_prefix else node.end
            kinds.setdefault(kind(view), []).append(view)

    def near(self, view: ServiceView, but: Hashable = None) -> Iterator[ServiceView]:
        """Yield every view whose template shares a path with that of *view*.

        Views of the kind *but* are skipped at no cost. Some of the others may share no path after
        all: a variable matches any segment here.
        """
        for kinds in _walk(self._root, view.segments, view.is_prefix):
            for kind, views in kinds.items():
                if kind != but:
                    yield from views


Kinds = dict[Hashable, list[ServiceView]]


class _Node:
    """A node of the tree: the segments that may follow, and the areas that end here."""

    __slots__ = ("below", "end", "literals", "variable")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.variable: _Node | None = None
        self.end: Kinds = {}
        self.below: Kinds = {}

    def child(self, segment: Segment) -> "_Node":
        if isinstance(segment, str):
            return self.literals.setdefault(segment, _Node())
        if self.variable is None:
            self.variable = _Node()
        return self.variable

    def children(self) -> Iterator["_Node"]:
        yield from self.literals.values()
        if self.variable is not None:
            yield self.variable


def _walk(node: _Node, left: tuple[Segment, ...], is_prefix: bool) -> Iterator[Kinds]:
    if not left:
        if is_prefix:
            yield from _all_below(node)
        else:
            yield node.end
        return
    yield node.below
    first = left[0]
    if not isinstance(first, str):
        ways = list(node.children())
    else:
        ways = [one for one in (node.literals.get(first), node.variable) if one is not None]
    for way in ways:
        yield from _walk(way, left[1:], is_prefix)


def _all_below(node: _Node) -> Iterator[Kinds]:
    yield node.below
    for child in node.children():
        yield child.end
        yield from _all_below(child)
