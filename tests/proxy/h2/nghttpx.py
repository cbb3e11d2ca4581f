"""nghttpx, the proxy of those who wrote nghttp2, before the recording service."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.end_to_end.conftest import program, running


@contextmanager
def nghttpx(folder: Path, service_port: int) -> Iterator[tuple[str, int]]:
    """Run nghttpx with HTTP/2 in the clear to clients; yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        command = [
            *(program("nghttpx"), "--conf=/dev/null", "--workers=1", "--log-level=ERROR"),
            *(f"--frontend=127.0.0.1,{port};no-tls", "--accesslog-file=/dev/null"),
            f"--backend=127.0.0.1,{service_port};;proto=http/1.1",
        ]
        # It takes over sockets that the variable names: no other test can take the port.
        environ = {**os.environ, "NGHTTPX_ACCEPT_1": f"tcp,{bound.fileno()}"}
        with running(command, folder / "nghttpx.log", environ, (bound.fileno(),)):
            yield "127.0.0.1", port
