"""Make the TLS contexts of the data port."""

import ssl
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from gateway.tls.certificate import Certificate, ServerTls
from gateway.tls.pair import load_pair
from gateway.tls.server_side import Http2ServerSide, ServerSide

T = TypeVar("T")

# Mozilla's "intermediate" list, version 5.7, without finite-field DHE, which no TLS 1.2 client
# needs. All have forward secrecy and authenticated encryption, as all of TLS 1.3 do. Debian and
# Python use level 2, too: no RSA under 2048 bits, no SHA-1 in a signature.
_CIPHERS: Final = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "@SECLEVEL=2",
    )
)


def make_server_context(tls: ServerTls) -> ssl.SSLContext:
    """Return a context that selects the certificate by the name that a client asks for (SNI).

    Raises ssl.SSLError if OpenSSL rejects a certificate, OSError without a file descriptor.
    """
    contexts = [_make_context(tls, certificate) for certificate in tls.certificates]
    first = contexts[0]
    if len(contexts) > 1:
        named = {
            name: context
            for context, certificate in zip(contexts, tls.certificates, strict=True)
            for name in certificate.names
        }
        first.sni_callback = _choose(find_by_name(named))
    return first


_Choice = Callable[[ssl.SSLObject, str | None, ssl.SSLContext], None]


def _choose(find: Callable[[str], ssl.SSLContext | None]) -> _Choice:
    def choose(connection: ssl.SSLObject, name: str | None, _first: ssl.SSLContext) -> None:
        # OpenSSL takes the certificate and the trust from the new context, but not whether a
        # client certificate is required; that is the same in all contexts.
        context = find(name) if name else None
        if context is not None:
            connection.context = context

    return choose


def _make_context(tls: ServerTls, certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    kind = Http2ServerSide if tls.http2 else ServerSide
    context.sslobject_class = kind
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    # Clients could renegotiate endlessly, at the cost of our CPU (CVE-2011-1473).
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    # All ciphers are good, and clients know which one their hardware accelerates.
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(kind.protocols)
    load_pair(context, certificate)
    if tls.client_ca is not None:
        context.load_verify_locations(cadata=tls.client_ca.pem.decode("ascii"))
        # Trust every named authority, also an intermediate one.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_mode = ssl.CERT_REQUIRED if tls.is_required else ssl.CERT_OPTIONAL
    return context


def find_by_name(named: Mapping[str, T]) -> Callable[[str], T | None]:
    """Return a function from a host name to its value in *named*.

    An exact name wins over a wildcard, and ``*.example.com`` stands for exactly one label
    (RFC 9525 section 6.3).
    """

    def find(name: str) -> T | None:
        name = name.lower()
        found = named.get(name)
        if found is not None:
            return found
        _, dot, parent = name.partition(".")
        return named.get(f"*.{parent}") if dot else None

    return find
