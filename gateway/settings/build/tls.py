"""Build how the data port speaks TLS."""

from collections.abc import Sequence
from pathlib import Path

from gateway.settings.build.certificates import CLIENTS, SERVERS, read_authorities, read_certificate
from gateway.settings.schema.tls import CertificateModel, FetchTlsModel, TlsModel, UpstreamTlsModel
from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import Sources
from gateway.settings.text.scalars import shorten
from gateway.settings.values.addresses import is_host, is_plain_http
from gateway.tls.certificate import Authorities, Certificate, ClientTls, ServerTls


def build_listen_tls(
    model: TlsModel, part: Part, sources: Sources, faults: list[Fault]
) -> ServerTls | None:
    """Return how the data port speaks TLS, or None where a part of it is wrong."""
    more = part.child("certificates")
    named: list[tuple[CertificateModel, Part]] = [(model, part)]
    named += [(one, more.child(index)) for index, one in enumerate(model.certificates or ())]
    read = [
        read_certificate(
            one.certificate, one.key, SERVERS, sources.main.directory, at, sources.disk, faults
        )
        for one, at in named
    ]
    certificates = [one for one in read if one is not None]
    places = [at.child("certificate") for _, at in named]
    authorities = _client_ca(model, part, sources, faults)
    if len(certificates) < len(read) or (model.client_ca and not authorities):
        return None
    _refuse_unasked(certificates[1:], places[1:], faults)
    _refuse_shared_names(certificates, places, faults)
    return ServerTls(tuple(certificates), authorities, model.client_certificates == "required")


def _client_ca(
    model: TlsModel, part: Part, sources: Sources, faults: list[Fault]
) -> Authorities | None:
    if model.client_ca is not None:
        at = part.child("client_ca")
        return read_authorities(model.client_ca, sources.main.directory, at, sources.disk, faults)
    if part.child("client_certificates").raw is not None:
        message = "`client_ca` is missing: it says who signs the certificates of clients"
        faults.append(part.child("client_certificates").key_fault(Code.MISSING_KEY, message))
    return None


def _refuse_unasked(
    certificates: Sequence[Certificate], places: Sequence[Part], faults: list[Fault]
) -> None:
    for certificate, place in zip(certificates, places, strict=True):
        if not certificate.names:
            message = "no client can ask for this one: it has no DNS name as subjectAltName"
            faults.append(place.fault(Code.BAD_CERTIFICATE, message))


def _refuse_shared_names(
    certificates: Sequence[Certificate], places: Sequence[Part], faults: list[Fault]
) -> None:
    owners: dict[str, int] = {}
    for index, (certificate, place) in enumerate(zip(certificates, places, strict=True)):
        shared = [name for name in certificate.names if owners.setdefault(name, index) != index]
        if shared:
            other = places[owners[shared[0]]].raw
            message = f"`{shared[0]}` is a name of {other}, too: each name has one certificate"
            faults.append(place.fault(Code.CERTIFICATE_CONFLICT, message))


def build_fetch_ca(  # noqa: PLR0913, PLR0917 - what it is, where it is, and where faults go
    model: FetchTlsModel | None,
    url: str | None,
    directory: Path,
    part: Part,
    disk: Disk,
    faults: list[Fault],
) -> Authorities | None:
    """Return the authorities in *part*, the `tls` of what is fetched from *url*, if any are named.

    Where nothing is fetched, or not over TLS, it was meant to be otherwise: that is a fault.
    """
    if model is None:
        return None
    if url is None or is_plain_http(url):
        message = "nothing is fetched over TLS here: take `tls` out"
        faults.append(part.key_fault(Code.CONFLICTING_KEYS, message))
    return read_authorities(model.ca, directory, part.child("ca"), disk, faults)


def build_upstream_tls(
    model: UpstreamTlsModel, part: Part, directory: Path, disk: Disk, faults: list[Fault]
) -> ClientTls:
    """Return what the sound parts of *model* say; all else is a fault."""
    name = model.server_name
    if name is not None and not is_host(name):
        message = f"`{shorten(name)}` is not a name: write the one in their certificates"
        faults.append(part.child("server_name").fault(Code.BAD_VALUE, message))
        name = None
    authorities = None
    if model.ca is not None:
        authorities = read_authorities(model.ca, directory, part.child("ca"), disk, faults)
    return ClientTls(
        authorities,
        None if name is None else name.lower(),
        _certificate(model, part, directory, disk, faults),
    )


def _certificate(
    model: UpstreamTlsModel, part: Part, directory: Path, disk: Disk, faults: list[Fault]
) -> Certificate | None:
    certificate, key = model.certificate, model.key
    if certificate is not None and key is not None:
        return read_certificate(certificate, key, CLIENTS, directory, part, disk, faults)
    present, missing = ("certificate", "key") if key is None else ("key", "certificate")
    if certificate is not None or key is not None:
        message = f"`{missing}` is missing: a certificate and its key go together"
        faults.append(part.child(present).key_fault(Code.MISSING_KEY, message))
    return None


def refuse_plain_servers(servers: Part, faults: list[Fault]) -> None:
    """Refuse servers that are spoken to without TLS, beside settings for it."""
    for index, text in enumerate(servers.raw if isinstance(servers.raw, list) else ()):
        if isinstance(text, str) and text.startswith("http://"):
            message = "plain http, beside `tls`: write https, or take `tls` out"
            faults.append(servers.child(index).fault(Code.CONFLICTING_KEYS, message))
