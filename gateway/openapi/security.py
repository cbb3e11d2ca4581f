"""Read security schemes, and what operations require of them."""

from collections.abc import Mapping

from gateway.decision.rules.scopes import compile_scopes
from gateway.openapi.api import Access, Security
from gateway.openapi.nodes import Member, Node
from gateway.openapi.references import References
from gateway.settings.text.fault import Code
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean

_MOST_SCOPES = 1000  # in one rule, all alternatives together
_TYPES = ("apiKey", "http", "mutualTLS", "oauth2", "openIdConnect")

UNSAID = Security(Access.UNSAID)


class SecurityReader:
    """The security schemes of one description, and the requirements that name them."""

    def __init__(self, root: Node, references: References) -> None:
        self._references = references
        self._uncovered: dict[str, str | None] = {}
        self._known: dict[int, Security | None] = {}
        components = root.child("components")
        schemes = None if components is None else components.child("securitySchemes")
        if schemes is not None:
            members = references.plain_table(schemes, "the security schemes, by name")
            for name, member in (members or {}).items():
                self._uncovered[name] = self._read_scheme(name, member)

    def read(self, node: Node) -> Security | None:
        """Return the rule in the list *node*; None after a fault.

        A list that several operations share, as an alias, is read once.
        """
        if id(node) not in self._known:
            self._known[id(node)] = self._read_rule(node)
        return self._known[id(node)]

    def _read_scheme(self, name: str, member: Member) -> str | None:
        """Return how people know a scheme that the gateway does not check; None for tokens."""
        members = self._references.table(member.node, "a security scheme")
        if members is None:
            return None
        kind = _text(members, "type")
        if kind in {"oauth2", "openIdConnect"}:
            return None
        if kind == "http":
            scheme = _text(members, "scheme")
            is_bearer = scheme.lower() == "bearer"
            return None if is_bearer else f"`{shorten(name)}` (http {shorten(scheme)})"
        if kind == "apiKey":
            is_field = _text(members, "name").lower() == "authorization"
            hint = ": if it is a bearer token, write `type: http, scheme: bearer`" * is_field
            return f"`{shorten(name)}` (apiKey{hint})"
        if kind == "mutualTLS":
            return f"`{shorten(name)}` (mutualTLS)"
        message = f"`{shorten(kind)}` is no type of a security scheme{did_you_mean(kind, _TYPES)}"
        self._references.refuse(member.place, Code.BAD_VALUE, message)
        return None

    def _read_rule(self, node: Node) -> Security | None:
        items = node.items
        if items is None:
            message = "expected a list of alternatives; an empty one means public"
            self._references.refuse(node.place, Code.WRONG_TYPE, message)
            return None
        found: list[frozenset[str]] = []
        uncovered: dict[str, None] = {}
        beside: dict[str, None] = {}
        is_optional, count = not items, 0
        for item in items:
            alternative = self._read_alternative(item)
            if alternative is None:
                return None
            scopes, others, has_token = alternative
            count += 1 + len(scopes)
            if count > _MOST_SCOPES:
                message = f"more than {_MOST_SCOPES} scopes in one rule"
                self._references.refuse(node.place, Code.TOO_LARGE, message)
                return None
            uncovered.update(others)
            if has_token:
                found.append(scopes)
                beside.update(others)
            is_optional = is_optional or not (has_token or others)
        names = tuple(uncovered)
        if found:
            return Security(Access.TOKEN, _least(found), is_optional, names, tuple(beside))
        return Security(Access.PUBLIC if is_optional else Access.UNCOVERED, (), False, names)

    def _read_alternative(self, item: Node) -> tuple[frozenset[str], dict[str, None], bool] | None:
        members = self._references.plain_table(item, "scopes, by security scheme")
        if members is None:
            return None
        scopes: set[str] = set()
        uncovered: dict[str, None] = {}
        has_token = False
        for name, member in members.items():
            if name not in self._uncovered:
                known = did_you_mean(name, self._uncovered)
                message = f"no security scheme `{shorten(name)}` in `components`{known}"
                self._references.refuse(member.place, Code.UNKNOWN_REFERENCE, message)
                return None
            named = self._read_scopes(member.node)
            if named is None:
                return None
            description = self._uncovered[name]
            if description is None:
                has_token = True
                scopes.update(named)
            else:
                uncovered[description] = None
        return frozenset(scopes), uncovered, has_token

    def _read_scopes(self, node: Node) -> list[str] | None:
        items = node.items
        if items is None or any(item.text is None for item in items) or len(items) > _MOST_SCOPES:
            message = "expected a list of scopes, which may be empty"
            self._references.refuse(node.place, Code.WRONG_TYPE, message)
            return None
        named = [item.text or "" for item in items]
        for item, scope in zip(items, named, strict=True):
            try:
                compile_scopes(scope)
            except ValueError:
                message = f"`{shorten(scope)}` is not a scope: no spaces, quotes or backslashes"
                self._references.refuse(item.place, Code.BAD_VALUE, message)
                return None
        return named


def _text(members: Mapping[str, Member], key: str) -> str:
    member = members.get(key)
    return (None if member is None else member.node.text) or ""


def _least(alternatives: list[frozenset[str]]) -> tuple[frozenset[str], ...]:
    """Return *alternatives* without those that contain another: they add no caller."""
    distinct = sorted(set(alternatives), key=lambda one: (len(one), sorted(one)))
    kept: list[frozenset[str]] = []
    for one in distinct:
        if not any(other <= one for other in kept):
            kept.append(one)
    return tuple(kept)
