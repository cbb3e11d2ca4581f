"""Inputs to start from: the fixtures of llhttp, as inputs of our surfaces, and what is kept."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.fuzz.surfaces import CORPUS
from tests.proxy.h2.cases import HTTP2_FOLDER, cases, pieces
from tests.proxy.h2.frames import PREFACE, settings

# How most cases of HTTP/2 begin; the surface does so itself.
_OPENING = PREFACE + settings()
_MAX_SEED_BYTES = 2048

_FIXTURES = Path(__file__).parents[1] / "vectors" / "llhttp" / "llhttp.json"

_REQUEST_LINE = re.compile(rb"^([A-Z]+) (/[^ ]*) HTTP/1\.1\r\n", re.MULTILINE)
_HOST = re.compile(rb"^host ?:", re.MULTILINE | re.IGNORECASE)


def seeds(surface: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every input to start *surface* from."""
    for path in sorted((CORPUS / surface).iterdir()):
        yield path.name, path.read_bytes()
    if surface == "h2":
        yield from _http2_cases()
    if surface == "h2service":
        yield from _http2_answers()
    if surface in {"client", "service"}:
        yield from _fixtures("request" if surface == "client" else "response")


def _http2_cases() -> Iterator[tuple[str, bytes]]:
    """Yield the cases of HTTP/2 that begin in the usual way, without a token."""
    for case in cases("downgrade"):
        sent = b"".join(one for one in pieces(case.steps) if isinstance(one, bytes))
        if sent.startswith(_OPENING) and b"Bearer" not in sent and len(sent) < _MAX_SEED_BYTES:
            yield case.name.replace(" ", "_").replace("/", "-"), b"00" + sent[len(_OPENING) :]


def _http2_answers() -> Iterator[tuple[str, bytes]]:
    """Yield what hostile services answer over HTTP/2."""
    for case in yaml.safe_load((HTTP2_FOLDER / "answers.yaml").read_text())["cases"]:
        sent = b"".join(one for one in pieces(case["answer"]) if isinstance(one, bytes))
        if len(sent) < _MAX_SEED_BYTES:
            yield case["name"].replace(" ", "_").replace("/", "-"), b"00" + sent


def _fixtures(kind: str) -> Iterator[tuple[str, bytes]]:
    for case in json.loads(_FIXTURES.read_text()):
        if case["type"].startswith(kind):
            raw = case["raw"].encode()
            raw += b"\r\n" if raw.endswith(b"\n") else b"\r\n\r\n"
            if kind == "request":
                host = b"" if _HOST.search(raw) else b"Host: a\r\n"
                raw = _REQUEST_LINE.sub(rb"\1 /public\2 HTTP/1.1\r\n" + host, raw)
            yield case["id"].replace("/", "-"), b"00" + raw
