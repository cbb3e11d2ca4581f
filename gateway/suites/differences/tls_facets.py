"""The facets of TLS: who may connect, and who services must prove to be.

A renewed certificate makes no difference: its names count.
"""

from dataclasses import replace

from gateway.settings.values.configuration import Settings
from gateway.suites.differences.facet import Facet, Kind, Kinds, listed
from gateway.suites.differences.judges import NOTHING, always, part, weakens
from gateway.tls.certificate import Authorities, Certificate, ClientTls, ServerTls

ASKED = ("required", "optional", "not requested")
"""Whether clients must present a certificate, from the strictest."""


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
    certificates = () if tls is None else tls.certificates
    names = frozenset(name for one in certificates for name in one.names)
    authorities = tls.client_ca if tls else None
    asked = asked_of_clients(tls)
    return {
        "certificates for": Facet(
            (tls is not None, names), listed(names, "none"), part(_judge_certificates), start
        ),
        "certificates of clients": Facet(
            asked, asked, part(judge_asked), (*start, "client_certificates")
        ),
        "client_ca": replace(
            authorities_facet(authorities, "none", (*start, "client_ca")),
            judge=_judge_client_ca,
        ),
    }


def _judge_client_ca(old: object, new: object) -> Kinds:
    """Judge whose certificates count; whether there must be one is judged besides."""
    return frozenset({Kind.KEYS}) if old and new else NOTHING


def judge_asked(old: object, new: object) -> Kinds:
    """Judge whether clients must present a certificate, by the words of ``ASKED``."""
    return weakens(ASKED, Kind.OPENED if old == ASKED[0] else Kind.LOOSENED)(old, new)


def _judge_certificates(old: object, new: object) -> Kinds:
    """Judge whether there is TLS, and whose certificates clients see.

    An address that only one side has is judged where it listens.
    """
    if not isinstance(old, tuple) or not isinstance(new, tuple) or (old[0] and not new[0]):
        return frozenset({Kind.LOOSENED})
    return frozenset({Kind.KEYS if old[0] else Kind.CLOSED})


def asked_of_clients(tls: ServerTls | None) -> str:
    """Return whether clients must present a certificate, a word of ``ASKED``."""
    if tls is None or tls.client_ca is None:
        return ASKED[-1]
    return ASKED[0] if tls.is_required else ASKED[1]


def upstream_tls_facets(tls: ClientTls) -> dict[str, Facet]:
    """Return how the https servers of an upstream are verified."""
    return {
        "ca": authorities_facet(tls.ca, "the system's", ("tls", "ca")),
        "server_name": Facet(
            tls.server_name,
            tls.server_name or "the host",
            always(Kind.KEYS),
            ("tls", "server_name"),
        ),
        "certificate": _shown(tls.certificate),
    }


def _shown(certificate: Certificate | None) -> Facet:
    keys = ("tls", "certificate")
    if certificate is None:
        return Facet(None, "none", always(Kind.KEYS), keys)
    # A certificate without names is identified by its file.
    names = frozenset(certificate.names) or frozenset({certificate.file})
    return Facet(names, listed(names, "none"), always(Kind.KEYS), keys)


def authorities_facet(
    authorities: Authorities | None, nothing: str, keys: tuple[str, ...]
) -> Facet:
    """Return the trusted authorities; *nothing* is the text if none are named."""
    if authorities is None:
        return Facet("", nothing, always(Kind.KEYS), keys)
    return Facet(authorities.pem, authorities.file, always(Kind.KEYS), keys)
