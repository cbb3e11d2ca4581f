"""Who cannot listen says where, under which key, and why; by what the kernel says."""

import errno
import os
import socket

import pytest

from gateway.settings.values.addresses import name_bind_errors
from gateway.settings.values.configuration import Address


def refusal(error: OSError, address: Address) -> str:
    with pytest.raises(OSError) as raised, name_bind_errors(address, "admin"):  # noqa: PT011 - any of them
        raise error
    assert raised.value.errno == error.errno
    return str(raised.value.strerror)


LOOPBACK = Address("127.0.0.1", 80)

REFUSALS = [
    (errno.EADDRINUSE, LOOPBACK, "127.0.0.1:80 (admin): address already in use"),
    (errno.EADDRNOTAVAIL, LOOPBACK, "127.0.0.1:80 (admin): not an address of this machine"),
    (
        errno.EACCES,
        Address("::", 443),
        "[::]:443 (admin): permission denied: a port below 1024 needs CAP_NET_BIND_SERVICE",
    ),
    (errno.EACCES, Address("::1", 8443), "[::1]:8443 (admin): permission denied"),
    (errno.EAFNOSUPPORT, Address("::", 80), "[::]:80 (admin): this machine has no IPv6"),
    (errno.EMFILE, LOOPBACK, "127.0.0.1:80 (admin): too many open files"),
]


@pytest.mark.parametrize(("number", "address", "words"), REFUSALS)
def test_it_says_where_and_why(number: int, address: Address, words: str) -> None:
    error = OSError(number, os.strerror(number))

    assert refusal(error, address) == f"cannot listen on {words}"


def test_a_name_that_nobody_knows_is_said_to_be_one() -> None:
    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    words = refusal(error, Address("nowhere.invalid", 80))

    assert words == "cannot listen on nowhere.invalid:80 (admin): unknown host name"


def test_what_went_well_says_nothing() -> None:
    with name_bind_errors(LOOPBACK, "listen"):
        pass
