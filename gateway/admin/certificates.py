"""Show which certificates are in use, and until when they are good."""

from collections.abc import Iterator, Mapping

from gateway.settings.values.configuration import Settings
from gateway.tls.certificate import Certificate


def certificates_in_use(settings: Settings) -> tuple[Certificate, ...]:
    """Return what is shown to clients and to services, each file once."""
    return tuple({one.file: one for one in _certificates(settings)}.values())


def _certificates(settings: Settings) -> Iterator[Certificate]:
    for listen in settings.listen:
        if listen.tls is not None:
            yield from listen.tls.certificates
    for upstream in settings.upstreams.values():
        if upstream.tls is not None and upstream.tls.certificate is not None:
            yield upstream.tls.certificate


def certificate_status(certificate: Certificate, now: float) -> Mapping[str, object]:
    """Return what ``/status`` shows of one at the time *now*, in seconds since the epoch."""
    return {
        "certificate": certificate.file,
        "names": list(certificate.names),
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "expires_in_seconds": certificate.not_after - now,
    }
