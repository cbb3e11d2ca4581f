"""Build how TLS is spoken to servers: whom to trust, and what to show them."""

from pathlib import Path

from gateway.settings.addresses import is_host
from gateway.settings.authorities import read_authorities
from gateway.settings.certificates import CLIENTS, read_certificate
from gateway.settings.disk import Disk
from gateway.settings.document import Part
from gateway.settings.fault import Code, Fault
from gateway.settings.scalars import shorten
from gateway.settings.tls_models import UpstreamTlsModel
from gateway.tls.certificate import Certificate, ClientTls


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
