"""Index views by path, to find those that share a path with another one among thousands."""

from collections.abc import Callable, Hashable, Iterable, Iterator

from gateway.decision.routes.template import Segment
from gateway.decision.routes.trie import Node
from gateway.http.service_view import ServiceView

Kinds = dict[Hashable, list[ServiceView]]


def _one_kind(_view: ServiceView) -> Hashable:
    return ""


class ViewIndex:
    """*views* by the segments of their templates, then by *kind*."""

    def __init__(
        self,
        views: Iterable[ServiceView],
        kind: Callable[[ServiceView], Hashable] = _one_kind,
    ) -> None:
        self._root: Node[Kinds] = Node()
        for view in views:
            node = self._root
            for segment in view.segments:
                node = node.child(segment)
            kinds = (node.prefix if view.is_prefix else node.end) or {}
            kinds.setdefault(kind(view), []).append(view)
            if view.is_prefix:
                node.prefix = kinds
            else:
                node.end = kinds

    def near(self, view: ServiceView, but: Hashable = None) -> Iterator[ServiceView]:
        """Yield every view whose template shares a path with that of *view*.

        Views of the kind *but* are skipped at no cost. Some of the others may share no path after
        all: a variable matches any segment here.
        """
        for kinds in _walk(self._root, view.segments, view.is_prefix):
            for kind, views in (kinds or {}).items():
                if kind != but:
                    yield from views


def _walk(node: Node[Kinds], left: tuple[Segment, ...], is_prefix: bool) -> Iterator[Kinds | None]:
    if not left:
        if is_prefix:
            yield from _all_below(node)
        else:
            yield node.end
        return
    yield node.prefix
    first = left[0]
    ways = [node.literals.get(first)] if isinstance(first, str) else [*node.literals.values()]
    for way in (*ways, node.variable):
        if way is not None:
            yield from _walk(way, left[1:], is_prefix)


def _all_below(node: Node[Kinds]) -> Iterator[Kinds | None]:
    yield node.prefix
    for child in (*node.literals.values(), node.variable):
        if child is not None:
            yield child.end
            yield from _all_below(child)
