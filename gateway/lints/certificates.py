"""Warn about certificates that have expired or expire soon."""

from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.settings.load import Loaded
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.text.suppressions import apply_suppressions
from gateway.settings.values.configuration import Settings
from gateway.tls.certificate import Authorities, Certificate, ServerTls

_DAY_SECONDS = 24 * 3600.0
# Manual renewal needs two weeks. ACME clients renew when a third of the lifetime is left, and
# certificates that live for days are always close to that.
_SOON_SECONDS = 14 * _DAY_SECONDS
_RENEWED_AT = 1 / 3


def warnings_at(loaded: Loaded, now: float) -> tuple[Fault, ...]:
    """Return the warnings about *loaded*, including those about its certificates at *now*.

    For a start or a reload: an expired certificate must be reported at once.
    """
    found = find_ending_certificates(loaded.settings, loaded.places, now)
    kept, _ = apply_suppressions(tuple(found), loaded.suppressions)
    return tuple(sorted((*loaded.warnings, *kept), key=lambda fault: fault.place))


def find_ending_certificates(settings: Settings, places: Places, now: float) -> Iterator[Fault]:
    """Yield a warning for each certificate that is not valid at *now*, or soon will not be.

    *now* is in seconds since the epoch.
    """
    for certificate, part in _certificates(settings, places):
        yield from _judge(certificate, part, now)
    for authorities, part in _authorities(settings, places):
        if authorities.not_after <= now:
            message = f"the last of these authorities expired on {_date(authorities.not_after)}"
            yield part.warning(Code.CERTIFICATE_NOT_CURRENT, message)


def _judge(certificate: Certificate, part: Part, now: float) -> Iterator[Fault]:
    left_seconds = certificate.not_after - now
    lifetime_seconds = certificate.not_after - certificate.not_before
    if left_seconds <= 0:
        message = f"it expired on {_date(certificate.not_after)}"
        yield part.warning(Code.CERTIFICATE_NOT_CURRENT, message)
    elif certificate.not_before > now:
        message = f"it is not valid before {_date(certificate.not_before)}"
        yield part.warning(Code.CERTIFICATE_NOT_CURRENT, message)
    elif left_seconds < min(_SOON_SECONDS, lifetime_seconds * _RENEWED_AT):
        message = f"it expires on {_date(certificate.not_after)}: renew it"
        yield part.warning(Code.CERTIFICATE_EXPIRES_SOON, message)


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _certificates(settings: Settings, places: Places) -> Iterator[tuple[Certificate, Part]]:
    for tls, at in _listen_tls(settings, places):
        for index, certificate in enumerate(tls.certificates):
            part = at.child("certificates").child(index - 1) if index else at
            yield certificate, part.child("certificate")
    for name, upstream in settings.upstreams.items():
        if upstream.tls is not None and upstream.tls.certificate is not None:
            yield upstream.tls.certificate, places.upstream(name).child("tls").child("certificate")


def _authorities(settings: Settings, places: Places) -> Iterator[tuple[Authorities, Part]]:
    for listen, at in _listen_tls(settings, places):
        if listen.client_ca is not None:
            yield listen.client_ca, at.child("client_ca")
    for name, upstream in settings.upstreams.items():
        if upstream.tls is not None and upstream.tls.ca is not None:
            yield upstream.tls.ca, places.upstream(name).child("tls").child("ca")
    for name, issuer in settings.issuers.items():
        if issuer.source.ca is not None:
            yield issuer.source.ca, places.issuer(name).child("tls").child("ca")
    for name, revocations in settings.revocations.items():
        if revocations.ca is not None:
            at = places.main().child("revocations").child(name)
            yield revocations.ca, at.child("tls").child("ca")


def _listen_tls(settings: Settings, places: Places) -> Iterator[tuple[ServerTls, Part]]:
    for index, one in enumerate(settings.listen):
        if one.tls is not None:
            yield one.tls, places.listen(index).child("tls")
