"""Read the authorities whose signatures a configuration has us trust."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.settings.disk import Disk
from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.pem_files import find_extension, parse_certificates, read_pem
from gateway.tls.certificate import Authorities


def read_authorities(
    name: str, directory: Path, part: Part, disk: Disk, faults: list[Fault]
) -> Authorities | None:
    """Return the authorities in the PEM file *name*, which *part* names.

    A certificate that is no authority's is refused: it was meant to be another one. One that
    vouches for itself alone is taken, for that is how a single peer is named.
    """
    found = read_pem(name, directory, part, disk, faults)
    certificates = found and parse_certificates(found[1], part, faults)
    if not found or not certificates:
        return None
    for number, certificate in enumerate(certificates, 1):
        if not _may_sign(certificate):
            which = f"certificate {number} of this file" if len(certificates) > 1 else "this"
            message = f"{which} is the certificate of no authority: it may not sign any other"
            faults.append(part.fault(Code.BAD_CERTIFICATE, message))
            return None
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
    latest = max(one.not_valid_after_utc for one in certificates)
    return Authorities(str(found[0]), pem, latest.timestamp())


def _may_sign(certificate: x509.Certificate) -> bool:
    if certificate.issuer == certificate.subject:
        return True  # by itself; roots of old, version 1, say no more than that
    basic = find_extension(certificate, x509.BasicConstraints)
    return basic is not None and basic.ca
