"""Certificates and authorities that were read from a configuration, and what they are for."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its chain, and its private key; both are PEM.

    *file* is where it was read, *names* are its DNS names in lower case, and the times seconds
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

    *not_after* is the end of the one that lasts longest, in seconds since the epoch.
    """

    file: str
    pem: bytes = field(repr=False)
    not_after: float


@dataclass(frozen=True, slots=True)
class ServerTls:
    """How the data port speaks TLS.

    The first of *certificates* is for whoever asks for no name, or for one that none of them
    has. With *client_ca* clients are asked for a certificate; one that is shown must be signed
    by these authorities, and where it *is_required* nobody gets in without.
    """

    certificates: tuple[Certificate, ...]
    client_ca: Authorities | None
    is_required: bool


@dataclass(frozen=True, slots=True)
class ClientTls:
    """How servers of an upstream or an issuer must prove who they are, and what is shown to them.

    *ca* of None trusts whom the machine trusts. *server_name* of None is the host of its URL.
    """

    ca: Authorities | None = None
    server_name: str | None = None
    certificate: Certificate | None = None


MACHINE_TRUST = ClientTls()
