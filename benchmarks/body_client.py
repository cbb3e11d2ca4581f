"""Send or fetch one large body after another, and print the number of bytes and of seconds.

It runs as a program of its own, so that it can be kept to the core of the load generator.
"""

import json
import socket
import sys
from pathlib import Path
from time import monotonic

from benchmarks.sink import discard, read_head

TIMEOUT_SECONDS = 60.0


def main(direction: str, port: str, folder: str, seconds: str) -> None:
    """Move bodies over one kept-alive connection for at least *seconds*."""
    token = sys.stdin.readline().strip()
    large = Path(folder) / "large.bin"
    move = upload if direction == "upload" else download
    moved_bytes, started = 0, monotonic()
    address = ("127.0.0.1", int(port))
    with socket.create_connection(address, TIMEOUT_SECONDS) as connection:
        while monotonic() - started < float(seconds):
            moved_bytes += move(connection, token, large)
    print(json.dumps({"bytes": moved_bytes, "seconds": monotonic() - started}))


def download(connection: socket.socket, token: str, large: Path) -> int:
    """Fetch the large file once."""
    connection.sendall(request_head("GET", "/orders/large", token))
    fields, rest = expect_answer(connection)
    length_bytes = int(fields[b"content-length"])
    if length_bytes != large.stat().st_size:
        raise ConnectionError(f"{length_bytes} bytes instead of the file")
    discard(connection, length_bytes - len(rest))
    return length_bytes


def upload(connection: socket.socket, token: str, large: Path) -> int:
    """Send the large file once, and wait for the response."""
    length_bytes = large.stat().st_size
    length = f"Content-Length: {length_bytes}\r\n"
    connection.sendall(request_head("PUT", "/orders/upload", token, length))
    with large.open("rb") as body:
        connection.sendfile(body)
    fields, rest = expect_answer(connection)
    discard(connection, int(fields.get(b"content-length", b"0")) - len(rest))
    return length_bytes


def request_head(method: str, path: str, token: str, more: str = "") -> bytes:
    """Return a request head with *token* in it."""
    line = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    return f"{line}Authorization: Bearer {token}\r\n{more}\r\n".encode()


def expect_answer(connection: socket.socket) -> tuple[dict[bytes, bytes], bytes]:
    """Return the fields of the next response and the start of its body."""
    head = read_head(connection)
    if head is None:
        raise ConnectionError("closed without an answer")
    return head


if __name__ == "__main__":
    main(*sys.argv[1:])
