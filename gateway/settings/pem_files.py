"""Read PEM files that a configuration names."""

from collections.abc import Sequence
from pathlib import Path

from cryptography.x509 import Certificate, load_pem_x509_certificates

from gateway.settings.disk import Disk
from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.scalars import shorten

# All authorities of a machine are a quarter of this.
MAX_PEM_BYTES = 1024 * 1024


def read_pem(
    name: str, directory: Path, part: Part, disk: Disk, faults: list[Fault]
) -> tuple[Path, bytes] | None:
    """Return the path of the file *name*, which *part* names, and its bytes."""
    path = (directory / name).absolute()
    try:
        content = disk.read(path, MAX_PEM_BYTES + 1) if disk.is_readable(path) else None
    except OSError:
        content = None
    if content is None:
        faults.append(part.fault(Code.MISSING_FILE, f"cannot read {shorten(name)}"))
        return None
    if len(content) > MAX_PEM_BYTES:
        message = f"larger than {MAX_PEM_BYTES // 1024**2} MiB"
        faults.append(part.fault(Code.BAD_CERTIFICATE, message))
        return None
    return path, content


def parse_certificates(
    content: bytes, part: Part, faults: list[Fault]
) -> Sequence[Certificate] | None:
    """Return the certificates in the PEM file *content*, at least one."""
    try:
        return load_pem_x509_certificates(content)
    except ValueError:
        message = "no certificate can be read from this PEM file"
        faults.append(part.fault(Code.BAD_CERTIFICATE, message))
        return None
