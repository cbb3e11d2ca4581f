"""What a configuration names on other machines, here on loopback and in threads.

The command under test has an event loop, or a process, of its own.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def http_peer(body: bytes, status: int = 200, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve *body* on every path, with its own URL in place of `http://self`; yield the URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = body.replace(b"http://self", f"http://127.0.0.1:{server.server_port}".encode())
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Stay silent: stderr is what is tested."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 512  # a command tries many things at once

        def handle_error(self, request: object, client_address: object) -> None:
            """Stay silent about a client that hangs up in the middle of a handshake."""

    with Server(("127.0.0.1", 0), Answer) as server:
        if tls is not None:
            # The handshake belongs to the thread of its connection, so that one that fails
            # does not end the server.
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


@contextmanager
def silent_peer() -> Iterator[str]:
    """Take connections, and say nothing; yield ``127.0.0.1:port``."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def closed_port() -> int:
    """Return a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
