"""A certificate and its key come to OpenSSL without a file that anybody else could read."""

import os
import ssl

import pytest

from gateway.tls.certificate import Certificate
from gateway.tls.pair import load_pair
from tests.tls.handshake import FIRST, SECOND


def test_nothing_is_left_open_whether_it_is_taken_or_not() -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    load_pair(context, FIRST)
    with pytest.raises(ssl.SSLError):
        load_pair(context, Certificate("a.pem", (), FIRST.chain, SECOND.key, 0.0, 0.0))

    assert sorted(os.listdir("/proc/self/fd")) == before
