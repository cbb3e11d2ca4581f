"""Tell which parts of two tries are alike, and which cover others."""

from collections.abc import Callable

from gateway.decision.routes.routing import Route
from gateway.suites.symbolic.tries import Leaf, Node


class Likeness:
    """Compares nodes and leaves; *alike* says of two routes that they mean the same.

    Each pair is compared once.
    """

    def __init__(self, alike: Callable[[Route, Route], bool]) -> None:
        self._alike = alike
        self._same: dict[tuple[Node | Leaf, Node | Leaf], bool] = {}
        self._covers: dict[tuple[Node | Leaf, Node | Leaf], bool] = {}

    def same(self, old: Node | Leaf, new: Node | Leaf) -> bool:
        """Return whether every rest of a path leads to routes that are alike, or to none in both.

        False may mean that it is not known.
        """
        key = old, new
        known = self._same.get(key)
        if known is None:
            known = self._same[key] = self._compare(old, new)
        return known

    def _compare(self, old: Node | Leaf, new: Node | Leaf) -> bool:
        if isinstance(old, Leaf) or isinstance(new, Leaf):
            return isinstance(old, Leaf) and isinstance(new, Leaf) and self._same_leaf(old, new)
        if old.literals.keys() != new.literals.keys():
            return False
        pairs = ((old.end, new.end), (old.prefix, new.prefix), (old.variable, new.variable))
        if not all(self._same_or_none(*pair) for pair in pairs):
            return False
        return all(self.same(node, new.literals[text]) for text, node in old.literals.items())

    def _same_or_none(self, old: Node | Leaf | None, new: Node | Leaf | None) -> bool:
        return self.same(old, new) if old is not None and new is not None else old is new

    def _same_leaf(self, old: Leaf, new: Leaf) -> bool:
        if old.by_method.keys() != new.by_method.keys():
            return False
        if not self.are_alike(old.any, new.any):
            return False
        return all(self.are_alike(one, new.by_method[m]) for m, one in old.by_method.items())

    def are_alike(self, old: Route | None, new: Route | None) -> bool:
        """Return whether both routes treat all requests alike; None is no route."""
        if old is None or new is None:
            return old is new
        # Sessions count on the origins of a login, which are not the route's own.
        return self._alike(old, new) and old.login == new.login

    def covers(self, one: Node | Leaf, other: Node | Leaf) -> bool:
        """Return whether *one* has an owner for every rest of a path that *other* has one for.

        False may mean that it is not known.
        """
        if isinstance(one, Leaf) or isinstance(other, Leaf):
            return isinstance(one, Leaf)
        key = one, other
        known = self._covers.get(key)
        if known is None:
            known = self._covers[key] = self._contain(one, other)
        return known

    def _contain(self, one: Node, other: Node) -> bool:
        if other.end is not None and one.end is None:
            return False
        if one.prefix is not None:
            return True
        if other.prefix is not None:
            return False
        variable = one.variable
        if other.variable is not None and (
            variable is None or not self.covers(variable, other.variable)
        ):
            return False
        if variable is None and len(other.literals) > len(one.literals):
            return False
        return all(self._contains_literal(one, text, node) for text, node in other.literals.items())

    def _contains_literal(self, one: Node, text: str, node: Node) -> bool:
        literal = one.literals.get(text)
        if literal is not None and self.covers(literal, node):
            return True
        return bool(text) and one.variable is not None and self.covers(one.variable, node)
