"""Load a certificate and its key into OpenSSL, which reads them from files only."""

import errno
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway.tls.certificate import Certificate


def load_pair(context: ssl.SSLContext, certificate: Certificate) -> None:
    """Make *context* present *certificate*.

    OpenSSL reads from anonymous files in memory: what is loaded is what was checked, whatever
    happened to the files on disk, and no key is ever written to disk. Raises ssl.SSLError if
    OpenSSL rejects the pair, OSError without a file descriptor or without ``/proc``.
    """
    with _in_memory(certificate.chain) as chain, _in_memory(certificate.key) as key:
        # An empty password keeps OpenSSL from prompting for one on the terminal.
        context.load_cert_chain(chain, key, password="")


# MFD_NOEXEC_SEAL of Linux 6.3, which Python does not define. With `vm.memfd_noexec=2` it is
# mandatory; older kernels reject it.
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
