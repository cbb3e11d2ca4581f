"""Read an OpenAPI description: who may call which operation."""

import re
from collections.abc import Iterator, Mapping

from gateway.decision.routes.template import Variable, parse_template
from gateway.openapi.api import Access, Api, LeftOut, Operation, Security
from gateway.openapi.nodes import Member, Node, UnreadableNodesError, read_nodes
from gateway.openapi.references import References
from gateway.openapi.security import UNSAID, SecurityReader
from gateway.openapi.servers import Servers, read_servers
from gateway.openapi.templates import Overlaps, Template, make_template
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_OTHER_KEYS = ("$ref", "summary", "description", "servers", "parameters")
_MOST_OPERATIONS = 20_000
_MOST_FAULTS = 100

_VERSION = re.compile(r"3\.[01](\.[0-9]+)?(-.*)?")


def read_api(content: bytes, file: str) -> Api | tuple[Fault, ...]:
    """Return the description in *content*, or its faults.

    OpenAPI 3.0 and 3.1, in YAML or JSON; *file* is the name in places. Only what decides about
    access is read: paths, servers, security. Never raises, whatever the content, and never reads
    another file.
    """
    try:
        root = read_nodes(content, file)
    except UnreadableNodesError as error:
        return (error.fault,)
    faults: list[Fault] = []
    api = _Reader(root, faults).read()
    return api if api is not None and not faults else tuple(faults[:_MOST_FAULTS])


class _TooManyError(Exception):
    """The description has more operations than any real one."""


class _Reader:
    def __init__(self, root: Node, faults: list[Fault]) -> None:
        self._root = root
        self._faults = faults
        self._references = References(root, faults)
        self._operations: list[Operation] = []
        self._left_out: list[LeftOut] = []
        self._hosts: dict[str, None] = {}
        self._bases: dict[str, None] = {}

    def read(self) -> Api | None:
        """Return the description; None after a fault that hides the rest."""
        if not self._is_known_version():
            return None
        self._security = SecurityReader(self._root, self._references)
        servers = self._servers(self._root.members or {}, Servers())
        default = self._rule(self._root.members or {}, UNSAID)
        paths = self._root.child("paths")
        if paths is None:
            message = "there are no `paths`"
            self._references.refuse(self._root.place, Code.MISSING_KEY, message)
            return None
        members = self._references.plain_table(paths, "the paths")
        try:
            for path, member in (members or {}).items():
                if not path.startswith("x-"):
                    self._read_path(path, member, servers, default)
        except _TooManyError:
            message = f"more than {_MOST_OPERATIONS:,} operations"
            self._references.refuse(paths.place, Code.TOO_LARGE, message)
        operations, collided = _drop_collisions(self._operations, self._faults)
        info = self._root.child("info")
        title = None if info is None else info.child("title")
        return Api(
            (None if title is None else title.text) or "an API",
            operations,
            (*self._left_out, *collided),
            tuple(self._hosts),
            tuple(self._bases) or servers.bases,
            (self._root.members or {})["paths"].place,
        )

    def _is_known_version(self) -> bool:
        members = self._references.plain_table(self._root, "an OpenAPI description")
        if members is None:
            return False
        version, old = self._root.child("openapi"), self._root.child("swagger")
        if version is None and old is not None:
            message = "Swagger 2.0 is not read: convert the file to OpenAPI 3 first"
            self._references.refuse(old.place, Code.NOT_SUPPORTED, message)
            return False
        if version is None:
            message = "the key `openapi` is missing: this is no OpenAPI description"
            self._references.refuse(self._root.place, Code.MISSING_KEY, message)
            return False
        if not _VERSION.fullmatch(version.text or ""):
            message = "this version is not read: 3.0 and 3.1 are"
            self._references.refuse(version.place, Code.NOT_SUPPORTED, message)
            return False
        return True

    def _servers(self, members: Mapping[str, Member], default: Servers) -> Servers:
        servers = members.get("servers")
        if servers is None or servers.node.items == []:  # an empty list counts as none
            return default
        return read_servers(servers.node, self._references) or default

    def _rule(self, members: Mapping[str, Member], default: Security) -> Security:
        security = members.get("security")
        return default if security is None else self._security.read(security.node) or default

    def _read_path(self, path: str, member: Member, servers: Servers, default: Security) -> None:
        if not path.startswith("/"):
            message = f"the path `{shorten(path)}` must start with /"
            self._references.refuse(member.place, Code.BAD_VALUE, message)
            return
        members = self._references.table(member.node, "the operations of a path, by method")
        if members is None:
            return
        here = self._servers(members, servers)
        for method, operation in members.items():
            if method in _METHODS:
                self._read_operation(method.upper(), path, operation, here, default)
            elif method not in _OTHER_KEYS and not method.startswith("x-"):
                known = did_you_mean(method, _METHODS)
                message = f"unknown key `{shorten(method)}` of a path{known}"
                self._references.refuse(operation.place, Code.UNKNOWN_KEY, message)

    def _read_operation(
        self, method: str, path: str, member: Member, servers: Servers, default: Security
    ) -> None:
        members = self._references.plain_table(member.node, "an operation")
        if members is None:
            return
        rule = self._rule(members, default)
        at = self._servers(members, servers)
        name = members.get("operationId")
        operation_id = None if name is None else name.node.text
        self._hosts.update(dict.fromkeys(at.hosts))
        self._bases.update(dict.fromkeys(at.bases))
        for base in at.bases:
            if len(self._operations) + len(self._left_out) >= _MOST_OPERATIONS:
                raise _TooManyError
            made = make_template(f"{base}{path}")
            if method == "TRACE":
                made = "TRACE is never forwarded"
            if isinstance(made, Template):
                operation = Operation(
                    method, made.path, path, member.place, rule, operation_id, made.is_wider
                )
                self._operations.append(operation)
            else:
                what = f"{method} {shorten(base + path)}"
                self._left_out.append(LeftOut(member.place, what, made))


def _drop_collisions(
    operations: list[Operation], faults: list[Fault]
) -> tuple[list[Operation], list[LeftOut]]:
    """Return *operations* without those that no route can tell apart, and these.

    Two operations with paths that differ only in names are a fault. If one had to be wider, one of
    both is enough if both have the same rule; else neither is kept.
    """
    owners: dict[object, list[Operation]] = {}
    for one in operations:
        segments = parse_template(one.path, is_prefix=False)
        shape = tuple(None if isinstance(part, Variable) else part for part in segments)
        owners.setdefault((one.method, shape), []).append(one)
    dropped: set[int] = set()
    left_out: list[LeftOut] = []
    for group in owners.values():
        for one, other in _pairs(group):
            if not (one.is_wider or other.is_wider):
                message = f"no request tells this path from that of line {one.place.line}"
                faults.append(Fault(other.place, Code.DUPLICATE_VALUE, message))
            elif one.security == other.security:
                dropped.add(id(other))
            else:
                dropped.update((id(one), id(other)))
                why = "no route tells it from {}, which has another rule"
                left_out.append(LeftOut(one.place, _name(one), why.format(_name(other)), one))
                left_out.append(LeftOut(other.place, _name(other), why.format(_name(one)), other))
    kept = [one for one in operations if id(one) not in dropped]
    takers = {id(one): other for one, other in _takers(kept)}
    for one in kept:
        if id(one) in takers:
            why = f"its route would own requests of {_name(takers[id(one)])}, with another rule"
            left_out.append(LeftOut(one.place, _name(one), why, one))
    return [one for one in kept if id(one) not in takers], left_out


def _takers(operations: list[Operation]) -> Iterator[tuple[Operation, Operation]]:
    """Yield each operation that is wider than written, with one of another rule that it takes from.

    `/v{number}/admin` is `/{number}/admin`, and so comes before `/{tenant}/{id}`.
    """
    overlaps = Overlaps(operations)
    for one in operations:
        if one.is_wider and one.security.access is not Access.UNCOVERED:
            taken = overlaps.behind(one)
            found = next((other for other in taken if other.security != one.security), None)
            if found is not None:
                yield one, found


def _pairs(group: list[Operation]) -> Iterator[tuple[Operation, Operation]]:
    for other in group[1:]:
        yield group[0], other


def _name(operation: Operation) -> str:
    return f"{operation.method} {shorten(operation.written)}"
