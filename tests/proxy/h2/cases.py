"""Read the cases of ``tests/corpus/http2``: frames that a client sends, and what must come of them.

A step of ``send`` is one of these, with the bytes that YAML's escapes stand for:

- a frame, as its name and its stream: ``{HEADERS: 1, fields: ["x: 1"]}``. *fields* is written as
  literals, *block* is raw HPACK behind it, *payload* is what any frame has in their place.
  HEADERS and CONTINUATION end the header section unless they are *open*; *ends* is END_STREAM,
  *flags* are more bits, *pad* is a length of padding, *says* a length that the frame only claims.
- ``{raw: …}``: any bytes.
- ``{times: 300, of: [steps], step: 2}``: a repetition, each on a stream number two higher.
- ``{wait: 1}``: until stream 1 is over; ``{wait: read}``: until all was read, as a PING shows;
  ``{wait: service}``: until the service has received something.

*then* lists alternatives, each a list of demands joined by ``and``: ``1 is 200``, ``ends
PROTOCOL_ERROR`` (GOAWAY, and the connection is closed), ``serves`` (another request gets its
response on the same connection), ``acks 2``, ``pong …``, ``1 has 3 1`` (sizes of DATA). *service*
is what it got: ``nothing``, requests, or ``{at_most: requests}``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.proxy.corpus import FOLDER, Forwarded, forwarded, to_bytes
from tests.proxy.gateways import good_token
from tests.proxy.h2.frames import (
    Code,
    Field,
    Flag,
    Kind,
    block,
    frame,
    padded,
    priority,
    window_update,
)

HTTP2_FOLDER = FOLDER / "http2"

# What a frame may say besides its name.
_KEYS = {
    *("ack", "block", "by", "code", "ends", "exclusive", "fields", "flags", "last", "open"),
    *("pad", "pad_says", "parent", "payload", "priority", "promised", "reserved", "says"),
    *("values", "weight"),
}


@dataclass(frozen=True, slots=True)
class Case:
    """What a client sends, and which of several outcomes are right."""

    name: str
    source: str
    steps: tuple[Any, ...] = field(repr=False)
    then: tuple[tuple[str, ...], ...]
    forwarded: tuple[Forwarded, ...] | None  # None: whatever it is
    is_at_most: bool  # the service may have got less of *forwarded*

    @property
    def streams(self) -> list[int]:
        """Return the streams that *then* speaks of."""
        first = [demand.split(" ")[0] for one in self.then for demand in one]
        return sorted({int(word) for word in first if word.isdigit()})


def split_field(told: Any) -> Field:
    """Return the field that a case names; with a token that is good today."""
    if isinstance(told, Mapping):
        return to_bytes(told["name"]), to_bytes(told["value"])
    raw = to_bytes(told).replace(b"$TOKEN", good_token())
    at = raw.index(b": ", 1)
    return raw[:at], raw[at + 2 :]


def fields_of(told: Iterable[Any]) -> Iterator[Field]:
    """Yield the fields of a list in which lists are nested."""
    for one in told:
        if isinstance(one, list):
            yield from fields_of(one)
        else:
            yield split_field(one)


def frame_of(told: Mapping[str, Any], shift: int = 0) -> bytes:
    """Return the frame that *told* stands for, on a stream that is *shift* higher."""
    (name,) = told.keys() - _KEYS
    kind = Kind[name] if name in Kind.__members__ else int(name)
    stream = told[name] + (shift if told[name] else 0)
    if told.get("reserved"):
        stream |= 1 << 31
    flags = told.get("flags", 0)
    if told.get("ends") or told.get("ack"):
        flags |= Flag.END_STREAM
    if kind in {Kind.HEADERS, Kind.CONTINUATION, Kind.PUSH_PROMISE} and not told.get("open"):
        flags |= Flag.END_HEADERS
    payload = _payload(kind, told, shift)
    if "priority" in told:
        flags |= Flag.PRIORITY
        payload = _dependency(told["priority"], shift) + payload
    if "pad" in told or "pad_says" in told:
        flags |= Flag.PADDED
        payload = padded(payload, told.get("pad", 0), told.get("pad_says"))
    return frame(kind, stream, payload, flags, told.get("says"))


def _dependency(told: Mapping[str, Any], shift: int) -> bytes:
    on = told["parent"] + (shift if told["parent"] else 0)
    return priority(on, told.get("weight", 15), exclusive=told.get("exclusive", False))


def _payload(kind: int, told: Mapping[str, Any], shift: int) -> bytes:
    if "payload" in told:
        return to_bytes(told["payload"])
    match kind:
        case Kind.HEADERS | Kind.CONTINUATION:
            return block(fields_of(told.get("fields", ()))) + to_bytes(told.get("block", ""))
        case Kind.PUSH_PROMISE:
            promised: int = told["promised"]
            return promised.to_bytes(4, "big") + block(fields_of(told.get("fields", ())))
        case Kind.PRIORITY:
            return _dependency(told, shift)
        case Kind.RST_STREAM:
            code: int = Code[told["code"]] if told["code"] in Code.__members__ else told["code"]
            return code.to_bytes(4, "big")
        case Kind.SETTINGS:
            pairs = told.get("values", ())
            listed = pairs.items() if isinstance(pairs, Mapping) else pairs
            return b"".join(
                name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in listed
            )
        case Kind.WINDOW_UPDATE:
            return window_update(0, told["by"])[9:]
        case Kind.GOAWAY:
            last: int = told.get("last", 0)
            return last.to_bytes(4, "big") + int(told["code"]).to_bytes(4, "big")
    return b""


def pieces(steps: Iterable[Any], shift: int = 0) -> Iterator[bytes | str]:
    """Yield what is sent, frame by frame; a text is what is waited for."""
    for step in steps:
        if isinstance(step, list):
            yield from pieces(step, shift)
        elif "wait" in step:
            what = step["wait"]
            yield what if isinstance(what, str) else str(what + shift)
        elif "raw" in step:
            yield to_bytes(step["raw"])
        elif "times" in step:
            for number in range(step["times"]):
                yield from pieces(step["of"], shift + number * step.get("step", 0))
        else:
            yield frame_of(step, shift)


def _demands(told: str) -> tuple[str, ...]:
    return tuple(told.split(" and "))


def _case(told: Mapping[str, Any]) -> Case:
    needed = {"name", "source", "send", "then"}
    assert needed <= told.keys() <= needed | {"service"}, (told.get("name"), sorted(told))
    then = told["then"]
    service = told.get("service")
    is_at_most = isinstance(service, Mapping)
    if isinstance(service, Mapping):
        service = service["at_most"]
    return Case(
        told["name"],
        str(told["source"]),
        tuple(told["send"]),
        tuple(map(_demands, then if isinstance(then, list) else [then])),
        None if service is None else tuple(map(forwarded, () if service == "nothing" else service)),
        is_at_most,
    )


@cache
def cases(theme: str) -> tuple[Case, ...]:
    """Return the cases of one file, in its order."""
    path: Path = HTTP2_FOLDER / f"{theme}.yaml"
    return tuple(map(_case, yaml.safe_load(path.read_text())["cases"]))
