"""The facets of TLS: who may connect, and who services must prove to be.

A renewed certificate makes no difference: its names count.
"""

from collections.abc import Mapping

from gateway.settings.values.configuration import Settings
from gateway.suites.differences.facet import Facet
from gateway.suites.differences.route_facets import listed
from gateway.tls.certificate import Authorities, Certificate, ClientTls, ServerTls


def listen_tls_facets(settings: Settings) -> dict[str, Facet]:
    """Return the certificates that clients see, and whether they must present their own.

    For each listening address, if there are several.
    """
    if len(settings.listen) == 1:
        return _one(settings.listen[0].tls, ("listen", "tls"))
    facets: dict[str, Facet] = {}
    for listen in settings.listen:
        host, port = listen.address.host, listen.address.port
        for name, facet in _one(listen.tls, ("listen",)).items():
            facets[f"{name} at {host} port {port}"] = facet
    return facets


def _one(tls: ServerTls | None, start: tuple[str, ...]) -> dict[str, Facet]:
    names = frozenset(name for one in tls.certificates for name in one.names) if tls else None
    authorities = tls.client_ca if tls else None
    asked = "not requested"
    if tls is not None and authorities is not None:
        asked = "required" if tls.is_required else "optional"
    return {
        "certificates for": Facet(names, listed(names or (), "none"), start),
        "certificates of clients": Facet(asked, asked, (*start, "client_certificates")),
        "client_ca": authorities_facet(authorities, "none", (*start, "client_ca")),
    }


def upstream_tls_facets(settings: Settings) -> Mapping[str, Mapping[str, Facet]]:
    """Return how the https servers of each upstream are verified, by its name."""
    return {
        name: _upstream(one.tls) for name, one in settings.upstreams.items() if one.tls is not None
    }


def _upstream(tls: ClientTls) -> dict[str, Facet]:
    return {
        "ca": authorities_facet(tls.ca, "the system's", ("tls", "ca")),
        "server_name": Facet(
            tls.server_name, tls.server_name or "the host", ("tls", "server_name")
        ),
        "certificate": _shown(tls.certificate),
    }


def _shown(certificate: Certificate | None) -> Facet:
    keys = ("tls", "certificate")
    if certificate is None:
        return Facet(None, "none", keys)
    # A certificate without names is identified by its file.
    names = frozenset(certificate.names) or frozenset({certificate.file})
    return Facet(names, listed(names, "none"), keys)


def authorities_facet(
    authorities: Authorities | None, nothing: str, keys: tuple[str, ...]
) -> Facet:
    """Return the trusted authorities; *nothing* is the text if none are named."""
    if authorities is None:
        return Facet(None, nothing, keys)
    return Facet(authorities.pem, authorities.file, keys)
