"""Certificates and authorities from a configuration, and the TLS options that use them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its chain, and its private key; both are PEM.

    *file* is where it was read, *names* are its DNS names in lower case; the times are in seconds
    since the epoch.
    """

    file: str
    names: tuple[str, ...]
    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    not_before: float
    not_after: float


@dataclass(frozen=True, slots=True)
class Authorities:
    """Certificates whose signatures are trusted, as PEM.

    *not_after* is when the last of them expires, in seconds since the epoch.
    """

    file: str
    pem: bytes = field(repr=False)
    not_after: float


@dataclass(frozen=True, slots=True)
class ServerTls:
    """The TLS options of the data port.

    The first of *certificates* is for clients without SNI, or with a name that no certificate
    has. With *client_ca*, clients may present a certificate that these authorities signed; if it
    *is_required*, they must. With *http2*, clients that offer it get HTTP/2.
    """

    certificates: tuple[Certificate, ...]
    client_ca: Authorities | None
    is_required: bool
    http2: bool = False


@dataclass(frozen=True, slots=True)
class ClientTls:
    """The TLS options towards servers of an upstream or an issuer.

    *ca* of None trusts the machine's authorities. *server_name* of None is the host of the URL.
    *certificate* is the client certificate. With *http2*, that alone is offered (RFC 7301).
    """

    ca: Authorities | None = None
    server_name: str | None = None
    certificate: Certificate | None = None
    http2: bool = False


MACHINE_TRUST = ClientTls()
