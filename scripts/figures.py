#!/usr/bin/env python3
"""Print the figures that say how well a stranger finds the way around `gateway/`.

    .venv/bin/python scripts/figures.py

Static figures come from the syntax trees; those of a request from the files and calls that one
real request touches, between a client and a service on loopback sockets.
"""

import ast
import asyncio
import json
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from gateway.app import Gateway
from gateway.settings.load import Loaded, load_settings

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gateway"

# A module that one other imports, shorter than this, may be a part of that other.
SHORT_LINES = 60

# CONTRIBUTING.md: the end of a file.
END_LINES = 700

# The objects that a request passes through on its way, where they live today.
CLASSES = ("Port", "Exchange", "ClientConnection")

ISSUER = "https://login.example.com/"

# Requests on one connection until all that is remembered of them is.
WARM_AFTER = 5


# --- what the files say


def modules() -> Mapping[str, Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(path: Path, known: Mapping[str, Path]) -> set[str]:
    """Return the modules of the package that *path* imports, `TYPE_CHECKING` imports included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inside & known.keys()) or {node.module}
    return found & known.keys()


def cycles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that import each other in a circle (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in arrows[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for name in arrows:
        if name not in index:
            visit(name)
    return found


def attributes_of(tree: ast.Module) -> Iterator[tuple[str, set[str], list[str]]]:
    """Yield each class with the names of what its instances have, and its bases."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        names: set[str] = set()
        for inner in ast.walk(node):
            if (
                isinstance(inner, ast.Attribute)
                and isinstance(inner.ctx, ast.Store)
                and isinstance(inner.value, ast.Name)
                and inner.value.id == "self"
            ):
                names.add(inner.attr)
        for inner in node.body:
            if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name):
                names.add(inner.target.id)
        bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
        yield node.name, names, bases


def count_attributes(known: Mapping[str, Path]) -> Mapping[str, int]:
    """Return how many attributes an instance of each of ``CLASSES`` has, inherited ones too."""
    classes = {}
    for name, path in known.items():
        if name.startswith("gateway.proxy"):
            for owner, names, bases in attributes_of(ast.parse(path.read_text())):
                classes[owner] = names, bases

    def all_of(owner: str) -> set[str]:
        names, bases = classes.get(owner, (set(), []))
        return names.union(*map(all_of, bases)) - {"__weakref__"}

    return {owner: len(all_of(owner)) for owner in CLASSES}


def protocol_methods(known: Mapping[str, Path]) -> Mapping[str, set[str]]:
    """Return the names of the methods that each module declares in protocols."""
    return {
        name: {
            method.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ClassDef) and "Protocol" in {ast.unparse(b) for b in node.bases}
            for method in node.body
            if isinstance(method, ast.FunctionDef)
        }
        for name, path in known.items()
    }


def comment_share(paths: set[Path]) -> float:
    """Return which share of the lines of *paths* has a comment."""
    lines = [line for path in paths for line in path.read_text().splitlines()]
    noted = sum(
        "# " in line and not line.rpartition("# ")[2].startswith(("noqa", "type:"))
        for line in lines
    )
    return noted / max(len(lines), 1)


# --- what a request touches


@dataclass(slots=True)
class Trace:
    """The files of the package whose code runs, and the calls from one of them to another.

    A call is the caller's file, that of what is called, and its name.
    """

    files: set[Path] = field(default_factory=set)
    calls: set[tuple[Path, Path, str]] = field(default_factory=set)

    def note(self, frame: FrameType, event: str, _argument: object) -> None:
        """Take one event, as ``sys.setprofile`` reports it."""
        path = Path(frame.f_code.co_filename)
        if event != "call" or not path.is_relative_to(PACKAGE):
            return
        self.files.add(path)
        if frame.f_back is not None:
            caller = Path(frame.f_back.f_code.co_filename)
            if caller != path and caller.is_relative_to(PACKAGE):
                self.calls.add((caller, path, frame.f_code.co_name))


@dataclass(slots=True)
class Service:
    """Answers every request; *first* is what was traced when the first head had arrived."""

    trace: Trace
    first: set[Path] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until it ends."""
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.first = self.first or set(self.trace.files)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except asyncio.IncompleteReadError:
            writer.close()


def write_config(directory: Path, service_port: int, key: ec.EllipticCurvePrivateKey) -> Path:
    """Write a configuration with one route that wants a scope."""
    jwk = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k1"}
    (directory / "keys.json").write_text(json.dumps({"keys": [jwk]}))
    issuer = {"issuer": ISSUER, "jwks_file": "keys.json", "audiences": ["orders"]}
    path = directory / "gateway.yaml"
    path.write_text(
        json.dumps(  # which is YAML, too
            {
                "version": 1,
                "listen": "127.0.0.1:0",
                "admin": "127.0.0.1:0",
                "access_log": "stderr",
                "issuers": {"main": {**issuer, "algorithms": ["ES256"]}},
                "upstreams": {"orders": {"servers": [f"http://127.0.0.1:{service_port}"]}},
                "routes": [
                    {
                        "name": "orders",
                        "match": {"path_prefix": "/orders/"},
                        "upstream": "orders",
                        "require": {"scopes": ["orders:read"]},
                    }
                ],
            }
        )
    )
    return path


def make_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a request with a good token."""
    claims = {"iss": ISSUER, "aud": "orders", "sub": "alice", "scope": "orders:read"}
    token = jwt.encode({**claims, "exp": time.time() + 3600}, key, "ES256", {"kid": "k1"})
    return (
        f"GET /orders/7 HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()


async def trace_requests(directory: Path) -> tuple[Trace, set[Path]]:
    """Return the trace of requests, and the files that the first one touches.

    The files in the trace are those of the last request, the calls those of all. The files of
    the first request count until its head has reached the service.
    """
    trace = Trace()
    service = Service(trace)
    key = ec.generate_private_key(ec.SECP256R1())
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    path = write_config(directory, server.sockets[0].getsockname()[1], key)
    loaded = load_settings(path, {})
    if not isinstance(loaded, Loaded):
        raise SystemExit("\n".join(map(str, loaded.faults)))
    gateway = Gateway(loaded.settings)
    await gateway.start()
    reader, writer = await asyncio.open_connection(*gateway.data_address)
    request = make_request(key)
    for _ in range(WARM_AFTER + 1):
        trace.files = set()
        sys.setprofile(trace.note)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(2)
        sys.setprofile(None)
        if not head.startswith(b"HTTP/1.1 200 ") or body != b"ok":
            raise SystemExit(f"not answered: {head!r}")
    writer.close()
    server.close()
    await gateway.stop()
    return trace, service.first


# --- floors


def ranks() -> Sequence[Mapping[str, int]]:
    """Return, for each contract about layers, the floor of each of its modules."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [
        {
            f"{container}.{name.strip()}": -floor
            for container in contract["containers"]
            for floor, layer in enumerate(contract["layers"])
            for name in layer.replace(":", "|").split("|")
        }
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]


def is_upward(caller: str, callee: str) -> bool:
    """Return whether a call goes to a higher floor, by any contract that knows both."""
    for floors in ranks():
        found = [
            next((floors[name] for name in floors if f"{module}.".startswith(f"{name}.")), None)
            for module in (caller, callee)
        ]
        if None not in found and found[1] > found[0]:  # type: ignore[operator]
            return True
    return False


def find_upward(
    calls: set[tuple[Path, Path, str]], known: Mapping[str, Path]
) -> Sequence[tuple[str, str]]:
    """Return the callers and callees of *calls* that go up, in order.

    A call by a protocol that the caller's floor, or one below it, declares is none of them: who
    is called does not matter to the caller.
    """
    names = {path: name for name, path in known.items()}
    declared = protocol_methods(known)
    found = set()
    for caller, callee, method in calls:
        low, high = names[caller], names[callee]
        if is_upward(low, high) and not any(
            method in methods and not is_upward(low, module) for module, methods in declared.items()
        ):
            found.add((low, high))
    return sorted(found)


def main() -> None:
    """Print every figure, a line each."""
    known = modules()
    arrows = {name: imports_of(path, known) for name, path in known.items()}
    importers = Counter(other for name in arrows for other in arrows[name])
    with tempfile.TemporaryDirectory() as directory:
        warm, first = asyncio.run(trace_requests(Path(directory)))
    upward = [f"{low} -> {high}" for low, high in find_upward(warm.calls, known)]
    folders = Counter(path.parent for path in known.values() if path.name != "__init__.py")
    folder, most = folders.most_common(1)[0]
    short = [
        name
        for name, path in known.items()
        if importers[name] == 1 and len(path.read_text().splitlines()) < SHORT_LINES
    ]
    lines = Counter({path: path.read_text().count("\n") for path in known.values()})
    longest, size = lines.most_common(1)[0]
    circles = cycles(arrows)
    attributes = count_attributes(known)
    rows = [
        ("files touched by one warm request", len(warm.files)),
        ("files before the head of a first request leaves for the service", len(first)),
        ("files in one folder, at most", f"{most} ({folder.relative_to(ROOT)})"),
        ("lines of one module, at most", f"{size} ({longest.relative_to(ROOT)})"),
        (f"modules of more than {END_LINES} lines", sum(n > END_LINES for n in lines.values())),
        (f"modules with one importer and under {SHORT_LINES} lines", len(short)),
        ("import cycles, TYPE_CHECKING counted", f"{len(circles)} {circles or ''}"),
        ("upward calls on a request's way", f"{len(upward)} {upward or ''}"),
        (f"attributes of {', '.join(CLASSES)}", ", ".join(str(attributes[c]) for c in CLASSES)),
        ("lines with a comment, in those files", f"{comment_share(warm.files):.1%}"),
        ("modules", len(known)),
    ]
    for label, value in rows:
        sys.stdout.write(f"{label:66} {value}\n")


if __name__ == "__main__":
    main()
