"""Build how the data port speaks TLS."""

from collections.abc import Sequence

from gateway.settings.authorities import read_authorities
from gateway.settings.certificates import SERVERS, read_certificate
from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.files import Sources
from gateway.settings.tls_models import CertificateModel, TlsModel
from gateway.tls.certificate import Authorities, Certificate, ServerTls


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
