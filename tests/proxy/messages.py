"""Requests and answers as tests write and read them; a parser of our own, for well-formed text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tests.proxy.wire import Wire


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer; *chunks* are the pieces of a chunked body, *trailers* its end."""

    start: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""
    chunks: tuple[bytes, ...] = ()
    trailers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def status(self) -> int:
        return int(self.start.split(b" ")[1])

    @property
    def target(self) -> bytes:
        return self.start.split(b" ")[1]

    @property
    def method(self) -> bytes:
        return self.start.split(b" ")[0]

    def all(self, name: bytes) -> list[bytes]:
        """Return the value of every field called *name*, in any case."""
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def one(self, name: bytes) -> bytes:
        """Return the value of the only field called *name*."""
        (value,) = self.all(name)
        return value

    def has(self, name: bytes) -> bool:
        return bool(self.all(name))


def make_request(
    target: str,
    *lines: bytes | str,
    method: str = "GET",
    body: bytes | None = None,
    version: str = "1.1",
    host: str | None = "gateway.test",
) -> bytes:
    """Return a request; a *body* comes with its Content-Length."""
    head = [f"{method} {target} HTTP/{version}".encode()]
    if host is not None:
        head.append(b"Host: " + host.encode())
    head += [line if isinstance(line, bytes) else line.encode("latin-1") for line in lines]
    if body is not None:
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join((*head, b"", b"")) + (body or b"")


def make_answer(body: bytes = b"", *lines: bytes, status: int = 200) -> bytes:
    """Return an answer with a Content-Length."""
    head = (b"HTTP/1.1 %d Words" % status, b"Content-Length: %d" % len(body), *lines)
    return b"\r\n".join((*head, b"", b"")) + body


def make_chunked(*chunks: bytes, trailers: tuple[bytes, ...] = ()) -> bytes:
    """Return *chunks* in chunked coding, with the last chunk, and *trailers* as lines."""
    pieces = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
    return b"".join((*pieces, b"0\r\n", *(line + b"\r\n" for line in trailers), b"\r\n"))


def parse_head(head: bytes) -> Message:
    """Return the message that *head* opens."""
    start, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    return Message(start, parse_fields(lines))


def parse_fields(lines: Iterable[bytes]) -> tuple[tuple[bytes, bytes], ...]:
    """Return the name and the value of the field on each of *lines*."""
    parted = (line.partition(b":") for line in lines)
    return tuple((name, value.strip(b" \t")) for name, _, value in parted)


async def read_chunk(wire: Wire) -> bytes:
    """Return the next chunk; empty for the last one, which has no trailers. Raises Cut."""
    chunk = await _begin_chunk(wire)
    assert await wire.read(2) == b"\r\n"
    return chunk


async def _begin_chunk(wire: Wire) -> bytes:
    size = int((await wire.read_until(b"\r\n")).split(b";")[0], 16)
    return await wire.read(size)


async def _read_trailers(wire: Wire) -> tuple[tuple[bytes, bytes], ...]:
    lines = []
    while line := (await wire.read_until(b"\r\n")).removesuffix(b"\r\n"):
        lines.append(line)
    return parse_fields(lines)


async def read_request(wire: Wire) -> Message:
    """Return the next request with its body; raises Cut."""
    return await _with_body(wire, parse_head(await wire.read_until(b"\r\n\r\n")))


async def read_head(wire: Wire) -> Message:
    """Return the next head, whatever comes after it; raises Cut."""
    return parse_head(await wire.read_until(b"\r\n\r\n"))


async def read_answer(wire: Wire, *, is_head: bool = False) -> Message:
    """Return the next answer with its body; raises Cut where it is not whole."""
    head = await read_head(wire)
    if is_head or head.status < 200 or head.status in (204, 304):
        return head
    if not head.has(b"content-length") and not head.has(b"transfer-encoding"):
        return Message(head.start, head.fields, await wire.read_to_end())
    return await _with_body(wire, head)


async def _with_body(wire: Wire, head: Message) -> Message:
    if head.has(b"transfer-encoding"):
        assert head.one(b"transfer-encoding") == b"chunked"
        chunks = []
        while chunk := await _begin_chunk(wire):
            assert await wire.read(2) == b"\r\n"
            chunks.append(chunk)
        trailers = await _read_trailers(wire)
        return Message(head.start, head.fields, b"".join(chunks), tuple(chunks), trailers)
    if head.has(b"content-length"):
        return Message(head.start, head.fields, await wire.read(int(head.one(b"content-length"))))
    return head


def undated(fields: bytes) -> bytes:
    """Return the *fields* of an answer with ``now`` for the time in the Date that was added."""
    return re.sub(rb"(\r\nDate: )\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\Z", rb"\1now", fields)
