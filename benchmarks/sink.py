"""The upstream of the upload row: read each body to its end, then respond."""

import socket
import sys
from threading import Thread

CHUNK_BYTES = 4 << 20
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


def serve(port: int) -> None:
    """Serve *port* until the process ends; one thread for each connection."""
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        while True:
            connection, _ = listener.accept()
            Thread(target=read_bodies, args=(connection,), daemon=True).start()


def read_bodies(connection: socket.socket) -> None:
    """Respond to every request on *connection*, after its last byte."""
    with connection:
        while (head := read_head(connection)) is not None:
            fields, rest = head
            left = int(fields.get(b"content-length", b"0")) - len(rest)
            discard(connection, left)
            connection.sendall(ANSWER)


def read_head(connection: socket.socket) -> tuple[dict[bytes, bytes], bytes] | None:
    """Return the fields of a head and what came after it; None when the peer is gone."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65_536)
        if not chunk:
            return None
        received += chunk
    head, _, rest = received.partition(b"\r\n\r\n")
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in lines}, rest


def discard(connection: socket.socket, left: int) -> None:
    """Discard *left* bytes of *connection* without copying: the proxy is measured, not this."""
    room = bytearray(CHUNK_BYTES)
    while left > 0:
        taken = connection.recv_into(room, min(left, CHUNK_BYTES), socket.MSG_TRUNC)
        if taken == 0:
            raise ConnectionError("the body ended early")
        left -= taken


if __name__ == "__main__":
    serve(int(sys.argv[1]))
