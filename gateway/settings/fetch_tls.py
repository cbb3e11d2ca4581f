"""Build whom to trust when a document is fetched."""

from pathlib import Path

from gateway.settings.addresses import is_plain_http
from gateway.settings.authorities import read_authorities
from gateway.settings.disk import Disk
from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.tls_models import FetchTlsModel
from gateway.tls.certificate import Authorities


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
