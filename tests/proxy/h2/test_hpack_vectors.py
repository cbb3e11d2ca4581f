"""Header blocks of ten encoders: each means what its encoder says (http2jp/hpack-test-case).

Most are of requests with ``Connection``, which browsers sent in HTTP/1.1 and HTTP/2 does not have:
such a request is refused, but its block changes the dynamic table all the same.
"""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import hpack
import pytest

from gateway.proxy.transport.framing import Framing
from gateway.settings.values.configuration import Limits
from tests.proxy.gateways import load, write_config
from tests.proxy.h2.frames import (
    PREFACE,
    Code,
    Field,
    Flag,
    Kind,
    block,
    frame,
    indexed,
    request_fields,
    settings,
)

ENDS = Flag.END_HEADERS

_FILE = Path(__file__).parents[2] / "vectors" / "hpack" / "hpack.json"


@cache
def told() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_FILE.read_text())
    return told


STORIES = [(encoder, story) for encoder, wires in told()["wires"].items() for story in wires]


class Sink:
    """Keeps every head by its stream, and the streams that were refused."""

    def __init__(self) -> None:
        self.heads: dict[int, list[Field]] = {}
        self.refused: set[int] = set()

    def head_received(self, stream_id: int, headers: Any, ends: bool) -> None:
        assert ends
        self.heads[stream_id] = [(bytes(name), bytes(value)) for name, value in headers]

    def stream_closed(self, stream_id: int, error_code: int) -> None:
        assert error_code == Code.PROTOCOL_ERROR
        self.refused.add(stream_id)

    def stream_failed(self, stream_id: int, bug: Exception) -> None:
        raise bug

    def settings_received(self) -> None:
        """Expect it once."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called")


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Limits:
    folder = tmp_path_factory.mktemp("limits")
    return load(write_config(folder, ["http://127.0.0.1:1"], {})).limits


def is_refused(head: list[Field]) -> bool:
    """Return whether HTTP/2 has no such request (RFC 9113 §8.2.2)."""
    return any(name == b"connection" for name, _ in head)


def expected(story: str) -> list[list[Field]]:
    return [
        [(name.encode(), value.encode()) for name, value in head]
        for head in told()["stories"][story]
    ]


def probe(table: Iterable[Field]) -> tuple[bytes, list[Field]]:
    """Return a block that names all of the dynamic *table* that a request may have."""
    named = [
        (index, (bytes(name), bytes(value)))
        for index, (name, value) in enumerate(table, 62)
        if not name.startswith((b":", b"connection"))
    ]
    pseudo = request_fields(b"/probe")
    raw = block(pseudo) + b"".join(indexed(index) for index, _ in named)
    return raw, pseudo + [one for _, one in named]


@pytest.mark.parametrize("piece_bytes", [1, 7, 16384], ids=lambda size: f"pieces of {size}")
@pytest.mark.parametrize(("encoder", "story"), STORIES)
def test_the_blocks_of_an_encoder_mean_what_it_wrote(
    limits: Limits, encoder: str, story: str, piece_bytes: int
) -> None:
    """RFC 7541: with its tables, sizes that change, Huffman coding and none.

    Behind each block comes a request that names every field of the dynamic table.
    """
    sink, decoder = Sink(), hpack.Decoder(max_header_list_size=1 << 20)
    framing = Framing.for_clients(sink, limits)
    framing.receive(PREFACE + settings())
    stream, heads = 1, {}
    for head, wire in zip(expected(story), told()["wires"][encoder][story], strict=True):
        raw = bytes.fromhex(wire)
        decoded = decoder.decode(raw, raw=True)
        assert [(bytes(name), bytes(value)) for name, value in decoded] == head
        # The block is cut in two frames, so that CONTINUATION is met at every sort of place.
        sent = frame(Kind.HEADERS, stream, raw[:piece_bytes], Flag.END_STREAM)
        framing.receive(sent + frame(Kind.CONTINUATION, stream, raw[piece_bytes:], ENDS))
        framing.take(1 << 20)
        heads[stream] = head
        raw, heads[stream + 2] = probe(decoder.header_table.dynamic_entries)
        framing.receive(frame(Kind.HEADERS, stream + 2, raw, Flag.END_STREAM | ENDS))
        stream += 4

    assert sink.refused == {number for number, head in heads.items() if is_refused(head)}
    assert sink.heads == {number: head for number, head in heads.items() if not is_refused(head)}
