"""Make what servers are spoken TLS with."""

import ssl

from gateway.tls.certificate import Authorities, ClientTls
from gateway.tls.pair import load_pair


def make_client_context(tls: ClientTls) -> ssl.SSLContext:
    """Return a context that trusts, and shows, what *tls* says; it always verifies.

    Raises ssl.SSLError where OpenSSL does not take a certificate, OSError without a descriptor.
    """
    cadata = None if tls.ca is None else tls.ca.pem.decode("ascii")
    context = ssl.create_default_context(cadata=cadata)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 9525 §6.3
    if tls.ca is not None:
        # Whoever is named is trusted, an authority below a root, too.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if tls.certificate is not None:
        load_pair(context, tls.certificate)
    return context


def make_trusting_context(ca: Authorities | None) -> ssl.SSLContext | None:
    """Return a context that trusts *ca* alone; None, for whoever trusts the machine, without."""
    return None if ca is None else make_client_context(ClientTls(ca))
