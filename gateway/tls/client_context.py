"""Make client-side TLS contexts."""

import ssl

from gateway.tls.certificate import Authorities, ClientTls
from gateway.tls.pair import load_pair
from gateway.tls.server_side import HTTP_2


def make_client_context(tls: ClientTls) -> ssl.SSLContext:
    """Return a client-side context for *tls*; it always verifies the server.

    Raises ssl.SSLError if OpenSSL rejects a certificate, OSError without a file descriptor.
    """
    cadata = None if tls.ca is None else tls.ca.pem.decode("ascii")
    context = ssl.create_default_context(cadata=cadata)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # RFC 9525 §6.3
    if tls.ca is not None:
        # Trust every named authority, also one below a root.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if tls.http2:
        context.set_alpn_protocols([HTTP_2])
        context.options |= ssl.OP_NO_RENEGOTIATION  # RFC 9113 §9.2.1
    if tls.certificate is not None:
        load_pair(context, tls.certificate)
    return context


def make_trusting_context(ca: Authorities | None) -> ssl.SSLContext | None:
    """Return a context that trusts only *ca*; None without *ca*: the machine's trust applies."""
    return None if ca is None else make_client_context(ClientTls(ca))
