"""Read the cases of ``tests/corpus``: bytes in, and what must come of them.

A case's bytes are a list of strings in which YAML's own escapes are all that is special; each
character is one byte (ISO 8859-1). ``{times: 300, of: a}`` stands for a repetition, and
``$TOKEN`` for a good token with the scope ``api:read``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from tests.proxy.gateways import good_token
from tests.proxy.messages import Message

FOLDER = Path(__file__).parents[1] / "corpus"

# What a connection does behind the last answer: it serves on, it is closed, it waits for the
# rest of a request, or it is a tunnel.
Then = Literal["stays", "closes", "waits", "tunnel"]


@dataclass(frozen=True, slots=True)
class Forwarded:
    """One request as the service must have got it; *lines* are all fields of those names.

    *trailers* are all of its trailers.
    """

    method: str
    target: str
    body: bytes
    lines: tuple[tuple[bytes, bytes], ...]
    absent: tuple[bytes, ...]
    trailers: tuple[tuple[bytes, bytes], ...]

    def differs(self, request: Message) -> list[str]:
        """Return what is not so about *request*."""
        found = []
        start = f"{self.method} {self.target} HTTP/1.1".encode("latin-1")
        if request.start != start:
            found.append(f"{request.start!r} instead of {start!r}")
        if request.body != self.body:
            found.append(f"the body {request.body[:80]!r} instead of {self.body[:80]!r}")
        return found + self.differs_in_fields(request)

    def is_like(self, request: Message) -> bool:
        """Return whether *request* is this one but for its version and fields."""
        start = f"{self.method} {self.target} HTTP/".encode("latin-1")
        return request.start.startswith(start) and request.body == self.body

    def differs_in_fields(self, request: Message) -> list[str]:
        """Return what is not so about the fields of *request*, and its trailers."""
        wanted: dict[bytes, list[bytes]] = {name: [] for name in self.absent}
        for name, value in self.lines:
            wanted.setdefault(name.lower(), []).append(value)
        found = [
            f"{name!r} has {request.all(name)!r} instead of {values!r}"
            for name, values in wanted.items()
            if request.all(name) != values
        ]
        if _lowered(request.trailers) != _lowered(self.trailers):
            found.append(f"the trailers {request.trailers!r} instead of {self.trailers!r}")
        return found


@dataclass(frozen=True, slots=True)
class RequestCase:
    """What a client sends, and what comes of it.

    *answers* are statuses, for refusals with the reason code. *forwarded* is what the service
    saw whole; *is_begun* says that it may have seen the beginning of one more.
    """

    name: str
    source: str
    theme: str
    pieces: tuple[Any, ...] = field(repr=False)
    answers: tuple[str, ...]
    then: Then
    forwarded: tuple[Forwarded, ...]
    is_begun: bool

    @property
    def sent(self) -> bytes:
        """Return the bytes; with a token that is good today."""
        return to_bytes(self.pieces).replace(b"$TOKEN", good_token())

    @property
    def is_about_access(self) -> bool:
        """Return whether a token or a route decides: a proxy without rules has no verdict."""
        refusals = {answer.split(" ")[0] for answer in self.answers}
        return b"$TOKEN" in to_bytes(self.pieces) or not refusals.isdisjoint(
            {"401", "403", "404", "405"}
        )


@dataclass(frozen=True, slots=True)
class AnswerCase:
    """What a service answers to the request *asked*, and what its client gets.

    *ending* is what the service does behind it. *client* is what comes: a status and
    ``whole`` or ``cut``, or a refusal of ours; ``refused or cut`` where it is chance how much
    was passed on before. *is_kept* says whether the connection to
    the service is used again.
    """

    name: str
    source: str
    theme: str
    asked: str
    pieces: tuple[Any, ...] = field(repr=False)
    ending: Literal["waits", "closes"]
    client: tuple[str, ...]
    then: Then
    body: bytes
    lines: tuple[tuple[bytes, bytes], ...]
    absent: tuple[bytes, ...]
    is_kept: bool

    @property
    def answer(self) -> bytes:
        """Return the bytes of the service."""
        return to_bytes(self.pieces)

    @property
    def is_whole(self) -> bool:
        """Return whether the client gets a complete answer of the service."""
        return self.client[-1].endswith(" whole") or self.client[-1] == "101"


def to_bytes(pieces: Any) -> bytes:
    """Return the bytes that *pieces* of a case stand for."""
    if isinstance(pieces, str):
        return pieces.encode("latin-1")
    if isinstance(pieces, Mapping):
        times: int = pieces["times"]
        return times * to_bytes(pieces["of"])
    return b"".join(map(to_bytes, pieces))


def _lowered(fields: tuple[tuple[bytes, bytes], ...]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in fields]


def _line(text: str) -> tuple[bytes, bytes]:
    name, _, value = text.partition(": ")
    return name.encode("latin-1"), value.encode("latin-1")


def forwarded(told: Mapping[str, Any]) -> Forwarded:
    _demand(told, {"request"}, {"body", "with", "without", "trailers"})
    method, target = told["request"].split(" ")
    return Forwarded(
        method,
        target,
        to_bytes(told.get("body", "")),
        tuple(map(_line, told.get("with", ()))),
        tuple(name.encode() for name in told.get("without", ())),
        tuple(map(_line, told.get("trailers", ()))),
    )


def _demand(told: Mapping[str, Any], needed: set[str], optional: set[str]) -> None:
    """Refuse a case that says too little, or what nobody reads."""
    assert needed <= told.keys() <= needed | optional, (told.get("name"), sorted(told))


def _request_case(told: Mapping[str, Any], theme: str) -> RequestCase:
    _demand(told, {"name", "source", "send", "answers", "then", "service"}, set())
    service = told["service"]
    assert isinstance(service, list) or service in {"nothing", "cut"}, told
    listed = service if isinstance(service, list) else [service]
    seen = [one for one in listed if isinstance(one, Mapping)]
    return RequestCase(
        told["name"],
        str(told["source"]),
        theme,
        tuple(told["send"]),
        tuple(map(str, told["answers"])),
        told["then"],
        tuple(map(forwarded, seen)),
        "cut" in listed,
    )


def _answer_case(told: Mapping[str, Any], theme: str) -> AnswerCase:
    needed = {"name", "source", "answer", "client", "then", "kept"}
    _demand(told, needed, {"asked", "ending", "body", "with", "without"})
    client = told["client"]
    return AnswerCase(
        told["name"],
        str(told["source"]),
        theme,
        told.get("asked", "GET"),
        tuple(told["answer"]),
        told.get("ending", "waits"),
        tuple(map(str, client)) if isinstance(client, list) else (str(client),),
        told["then"],
        to_bytes(told.get("body", "")),
        tuple(map(_line, told.get("with", ()))),
        tuple(name.encode() for name in told.get("without", ())),
        told["kept"],
    )


def _told(kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in sorted((FOLDER / kind).glob("*.yaml")):
        for told in yaml.safe_load(path.read_text())["cases"]:
            yield path.stem, told


@cache
def request_cases() -> tuple[RequestCase, ...]:
    """Return what clients send, in the order of the files."""
    return tuple(_request_case(told, theme) for theme, told in _told("requests"))


@cache
def answer_cases() -> tuple[AnswerCase, ...]:
    """Return what services answer, in the order of the files."""
    return tuple(_answer_case(told, theme) for theme, told in _told("answers"))
