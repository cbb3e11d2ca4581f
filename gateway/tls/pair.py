"""Give a certificate and its key to OpenSSL, which takes them from files alone."""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.tls.certificate import Certificate


def load_pair(context: ssl.SSLContext, certificate: Certificate) -> None:
    """Have *context* show *certificate*.

    The files that OpenSSL reads are in memory, have no name, and are gone afterwards: what is
    loaded is what was checked, whatever has become of the files on the disk, and no key is
    ever written to one. Raises ssl.SSLError where OpenSSL does not take the pair.
    """
    with _in_memory(certificate.chain) as chain, _in_memory(certificate.key) as key:
        # An empty password, so that OpenSSL never asks for one on the terminal.
        context.load_cert_chain(chain, key, password="")


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    descriptor = os.memfd_create("pem")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
