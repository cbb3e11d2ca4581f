"""A trie of path segments; the cost of a search depends on the depth of the path."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from gateway.decision.routes.template import Segment, Variable

Leaf = TypeVar("Leaf")


class Node(Generic[Leaf]):
    """A node of the trie: the segments that may follow, and the leaves of templates that end here.

    *prefix* is that of a template that is a prefix.
    """

    __slots__ = ("end", "literals", "prefix", "variable")

    def __init__(self) -> None:
        self.literals: dict[str, Node[Leaf]] = {}
        self.variable: Node[Leaf] | None = None
        self.end: Leaf | None = None
        self.prefix: Leaf | None = None

    def child(self, segment: Segment) -> "Node[Leaf]":
        """Return the node that *segment* leads to, made if missing; names do not matter."""
        if isinstance(segment, Variable):
            if self.variable is None:
                self.variable = Node()
            return self.variable
        return self.literals.setdefault(segment, Node())


class PathTrie(Generic[Leaf]):
    """Templates of one host, each with its leaf."""

    def __init__(self) -> None:
        self._root: Node[Leaf] = Node()
        self._fixed: dict[tuple[str, ...], Leaf] = {}

    def leaf(self, segments: Sequence[Segment], is_prefix: bool, make: Callable[[], Leaf]) -> Leaf:
        """Return the leaf of a template, made if missing; names of variables do not matter."""
        node = self._root
        for segment in segments:
            node = node.child(segment)
        if is_prefix:
            node.prefix = make() if node.prefix is None else node.prefix
            return node.prefix
        node.end = make() if node.end is None else node.end
        literals = tuple(segment for segment in segments if isinstance(segment, str))
        if len(literals) == len(segments):
            self._fixed[literals] = node.end
        return node.end

    def find(self, segments: tuple[str, ...]) -> tuple[Leaf, tuple[str, ...]] | None:
        """Return the most specific leaf and the values of its variables, in order."""
        # A template without variables that is not a prefix is always the most specific match.
        fixed = self._fixed.get(segments)
        if fixed is not None:
            return fixed, ()
        return _search(self._root, segments, 0, ())


def _search(
    node: Node[Leaf], segments: tuple[str, ...], depth: int, values: tuple[str, ...]
) -> tuple[Leaf, tuple[str, ...]] | None:
    while depth < len(segments):
        segment = segments[depth]
        literal = node.literals.get(segment)
        variable = node.variable if segment else None
        if literal is not None and (variable is not None or node.prefix is not None):
            # There are alternatives: come back here if this one leads nowhere.
            found = _search(literal, segments, depth + 1, values)
            if found is not None:
                return found
            literal = None
        if literal is not None:
            node = literal
        elif variable is None:
            return None if node.prefix is None else (node.prefix, values)
        elif node.prefix is None:
            node, values = variable, (*values, segment)
        else:
            found = _search(variable, segments, depth + 1, (*values, segment))
            return found or (node.prefix, values)
        depth += 1
    return None if node.end is None else (node.end, values)
