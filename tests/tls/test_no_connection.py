"""Why no connection stands, in one clause; `tests/cli/check/test_servers.py` has real ones."""

import errno
import socket
import ssl

import pytest

from gateway.tls.no_connection import NotHttp2, describe_no_connection


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no connection in 2 s"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "('10.0.0.7', 80)"), "Connection refused"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service"),
        (OSError("no address"), "cannot connect (OSError)"),
        (ssl.SSLError("x"), "TLS handshake failed (SSLError)"),
        (NotHttp2("it does not select h2"), "it does not select h2"),
    ],
)
def test_each_kind_of_error_has_its_words_and_no_address(error: OSError, words: str) -> None:
    described = describe_no_connection(error, 2.0)

    assert words in described
    assert "10.0.0.7" not in described
