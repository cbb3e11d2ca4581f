"""Read the PEM files that a configuration names."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from cryptography.x509 import (
    Certificate,
    ExtensionNotFound,
    ExtensionType,
    load_pem_x509_certificates,
)

from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import read_bounded

# Four times the size of a machine's whole CA bundle.
MAX_PEM_BYTES = 1024 * 1024

E = TypeVar("E", bound=ExtensionType)


def read_pem(
    name: str, directory: Path, part: Part, disk: Disk, faults: list[Fault]
) -> tuple[Path, bytes] | None:
    """Return the path of the file *name*, which *part* names, and its bytes."""
    found = read_bounded(name, directory, part, disk, MAX_PEM_BYTES, faults)
    if found is not None and len(found[1]) > MAX_PEM_BYTES:
        message = f"larger than {MAX_PEM_BYTES // 1024**2} MiB"
        faults.append(part.fault(Code.BAD_CERTIFICATE, message))
        return None
    return found


def parse_certificates(
    content: bytes, part: Part, faults: list[Fault]
) -> Sequence[Certificate] | None:
    """Return the certificates in the PEM file *content*, at least one."""
    try:
        return load_pem_x509_certificates(content)
    except ValueError:
        message = "this PEM file has no readable certificate"
        faults.append(part.fault(Code.BAD_CERTIFICATE, message))
        return None


def find_extension(certificate: Certificate, kind: type[E]) -> E | None:
    """Return the extension of this *kind* (RFC 5280 section 4.2); None without a valid one."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (ExtensionNotFound, ValueError):
        return None
