"""Configurations for tests: a small valid one whose sections can be replaced."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from gateway.settings.build.secrets import Outside
from gateway.settings.load import Loaded, Rejected, load_settings
from gateway.settings.text.disk import MACHINE_DISK
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Fault
from gateway.settings.text.yaml_nodes import parse_yaml
from gateway.settings.values.configuration import Settings

MARK = "¦"  # stands in front of what a fault points at

VERSION = "version: 1\n"
ISSUERS = """\
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}
"""
UPSTREAMS = """\
upstreams:
  orders: {servers: ["http://10.0.0.7:8000"]}
"""
ROUTES = """\
routes:
  - name: orders
    match: {path_prefix: /orders/}
    upstream: orders
    require: {}
"""
SECRET = "b7f3-Zq9!kL2@xW5#vN8$mP1%tR4^yU6&hJ0*gF3(dS7)aQ1_eK4+cB9-oI2=nM5x"
ENVIRON = {
    "SECRET": SECRET,
    "SHORT": SECRET[:31],
    "PEM": "-----BEGIN PUBLIC KEY-----\n" + "MFkwEwYHKoZIzj0CAQYIKoZI" * 4,
    "SSH": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ" * 2,
    "DULL": "ab" * 40,
    "HOST": "10.0.0.9",
    "TOKEN": "admin-token",
    "CLIENT_SECRET": "a secret of the client",
    "SESSION_KEY": b64encode(bytes(range(32))).decode(),
    "OLD_SESSION_KEY": b64encode(bytes(range(1, 33))).decode(),
    "DULL_SESSION_KEY": b64encode(b"ab" * 16).decode(),
}


def config(
    extra: str = "",
    *,
    version: str = VERSION,
    issuers: str = ISSUERS,
    upstreams: str = UPSTREAMS,
    routes: str = ROUTES,
) -> str:
    """Return the text of a configuration with some sections replaced, *extra* at its end."""
    return version + issuers + upstreams + routes + extra


def one_issuer(text: str) -> str:
    """Return a configuration whose issuer is the flow mapping *text*."""
    return config(issuers=f"issuers:\n  main: {text}\n")


def one_upstream(text: str) -> str:
    """Return a configuration whose upstream is the flow mapping *text*."""
    return config(upstreams=f"upstreams:\n  orders: {text}\n")


def one_route(text: str) -> str:
    """Return a configuration whose route is named and goes somewhere; *text* is the rest."""
    issuers = ISSUERS if "require" in text else ""
    return config(issuers=issuers, routes=f"routes:\n  - name: a\n    upstream: orders\n{text}")


def require(text: str, path: str = "/a/{x}") -> str:
    """Return a configuration whose one route has the flow mapping *text* as `require`."""
    return one_route(f"    match: {{path: '{path}'}}\n    require: {text}\n")


def marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return *text* without marks, and the line and column behind each of them."""
    places = []
    for number, line in enumerate(text.splitlines(), 1):
        rest = line
        while MARK in rest:
            column = rest.index(MARK) + 1
            places.append((number, column))
            rest = rest.replace(MARK, "", 1)
    return text.replace(MARK, ""), places


def load(directory: Path, text: str | bytes, environ: Mapping[str, str] = ENVIRON) -> Settings:
    """Return the settings of a configuration that must hold."""
    outcome = outcome_of(directory, text, environ)
    assert isinstance(outcome, Loaded), outcome
    return outcome.settings


def faults(directory: Path, text: str | bytes) -> tuple[Fault, ...]:
    """Return the faults and warnings of a configuration."""
    outcome = outcome_of(directory, text)
    return outcome.warnings if isinstance(outcome, Loaded) else outcome.faults


def assert_found(directory: Path, codes: str, text: str) -> None:
    """Hold that a configuration has faults of *codes* at the marks in *text*, and no others.

    One code stands for all marks; several are in the order of the marks.
    """
    unmarked, places = marked(text)
    expected = codes.split() if " " in codes else [codes] * len(places)

    found = faults(directory, unmarked)

    assert [(f.place.line, f.place.column, f.code.value) for f in found] == [
        (*place, code) for place, code in zip(places, expected, strict=True)
    ], [str(fault) for fault in found]


def part_of(text: str, *path: str | int) -> Part:
    """Return the part at *path* of the YAML in *text*, whatever it says."""
    document = parse_yaml(text.encode(), "gateway.yaml", ENVIRON)
    part = Part(document, (), document.root)
    for key in path:
        part = part.child(key)
    return part


def outside(environ: Mapping[str, str], directory: Path = Path()) -> Outside:
    """Return the secrets of a configuration in *directory*."""
    return Outside(environ, directory, MACHINE_DISK)


def outcome_of(
    directory: Path, text: str | bytes, environ: Mapping[str, str] = ENVIRON
) -> Loaded | Rejected:
    """Write *text* to a file in *directory* and load it."""
    file = directory / "gateway.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_settings(file, environ)
