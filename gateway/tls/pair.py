"""Give a certificate and its key to OpenSSL, which takes them from files alone."""

import errno
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway.tls.certificate import Certificate


def load_pair(context: ssl.SSLContext, certificate: Certificate) -> None:
    """Have *context* show *certificate*.

    The files that OpenSSL reads are in memory, have no name, and are gone afterwards: what is
    loaded is what was checked, whatever has become of the files on the disk, and no key is
    ever written to one. Raises ssl.SSLError where OpenSSL does not take the pair,
    OSError where there is no descriptor left, or no ``/proc``.
    """
    with _in_memory(certificate.chain) as chain, _in_memory(certificate.key) as key:
        # An empty password, so that OpenSSL never asks for one on the terminal.
        context.load_cert_chain(chain, key, password="")


# MFD_NOEXEC_SEAL of Linux 6.3, which Python does not name. Where `vm.memfd_noexec` is 2 there are
# no such files without it; kernels of before do not know it.
_NEVER_EXECUTED: Final = 0x0008


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    descriptor = _make_file()
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _make_file() -> int:
    try:
        return os.memfd_create("pem", os.MFD_CLOEXEC | _NEVER_EXECUTED)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.memfd_create("pem", os.MFD_CLOEXEC)
