"""Warn about identity headers that do not identify a user."""

from collections.abc import Iterator
from typing import NamedTuple

from gateway.decision.identity import Identity, canonical_alias
from gateway.decision.rules.claim_sources import (
    LASTING,
    FirstOf,
    changeable_claim,
    claims_of,
)
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings

# Unique within one issuer at best (RFC 7519 §4.1.2, OpenID Connect Core §5.7).
_OF_ONE_ISSUER = ("sub", "client_id", "azp", "oid", "preferred_username", "upn", "email")

_SUBJECT = b"x-gateway-subject"


class _Sent(NamedTuple):
    """What services learn from the tokens of *issuer* on *route*; empty names mean any."""

    identity: Identity
    issuer: str
    route: str


def find_ambiguous_subjects(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning if a service cannot distinguish users of two issuers."""
    accepted: dict[str, set[str]] = {}
    doubtful: dict[str, tuple[_Sent, str]] = {}
    everyone, seen = frozenset(settings.issuers), set[object]()
    for route in settings.policy.routes.routes:
        key = (route.upstream, route.issuers, id(route.identities))
        if route.public or key in seen:
            continue
        seen.add(key)
        issuers = everyone if route.issuers is None else route.issuers
        accepted.setdefault(route.upstream, set()).update(issuers)
        for issuer in issuers:
            general = settings.issuers[issuer].issuer.identity or settings.policy.identity
            identity = general if route.identities is None else route.identities[issuer]
            claim = _ambiguous_claim(identity)
            if claim is not None:
                sent = _Sent(identity, issuer, route.name)
                doubtful.setdefault(route.upstream, (sent, claim))
    for upstream, (sent, claim) in doubtful.items():
        if len(accepted[upstream]) > 1:
            first, second = sorted(accepted[upstream])[:2]
            message = (
                f"`{upstream}` cannot distinguish a `{claim}` of `{first}` from the same one of"
                f" `{second}`: send `iss` as well, e.g. X-Gateway-Issuer: iss"
            )
            yield _part(places, sent, claim).key_warning(Code.SUBJECT_AMBIGUOUS, message)
            return


def _ambiguous_claim(identity: Identity) -> str | None:
    claims = _claims(identity)
    if "iss" in claims:
        return None
    return next((claim for claim in _OF_ONE_ISSUER if claim in claims), None)


def find_changeable_subjects(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning if services identify users only by claims that can change hands."""
    for sent in _distinct(settings):
        fallback = _find_changeable_subject(sent.identity)
        if fallback is not None:
            name, claim = fallback
            message = (
                f"`{name.decode()}` comes from `{claim}`, which can change or be chosen: write"
                f" `{name.decode()}: sub`, and send `{claim}` in a header of its own"
            )
            part = places.identity_header(name, sent.issuer, sent.route)
            yield part.key_warning(Code.SUBJECT_CHANGEABLE, message)
            continue
        claims = _claims(sent.identity)
        sources = (source for _, source in sent.identity.headers)
        found = [claim for claim in map(changeable_claim, sources) if claim is not None]
        if found and not any(path[0] in claims for path in LASTING):
            message = (
                f"services identify users by `{found[0]}` alone, which can change or be chosen:"
                " send `sub`"
            )
            yield _part(places, sent, found[0]).key_warning(Code.SUBJECT_CHANGEABLE, message)


def _find_changeable_subject(identity: Identity) -> tuple[bytes, str] | None:
    """Return the header that is the user, and the changeable claim that it may have."""
    for name, source in identity.headers:
        is_mixed = isinstance(source, FirstOf) and not LASTING.isdisjoint(source.paths)
        claim = changeable_claim(source)
        if claim is not None and (is_mixed or canonical_alias(name) == _SUBJECT):
            return name, claim
    return None


def _distinct(settings: Settings) -> Iterator[_Sent]:
    """Yield each identity of the configuration once, with an issuer and a route that have it."""
    yield _Sent(settings.policy.identity, "", "")
    for name, one in settings.issuers.items():
        if one.issuer.identity is not None:
            yield _Sent(one.issuer.identity, name, "")
    tables, seen = set[int](), set[Identity]()
    for route in settings.policy.routes.routes:
        if route.identities is None or id(route.identities) in tables:
            continue
        tables.add(id(route.identities))
        for issuer, identity in route.identities.items():
            if identity not in seen:
                seen.add(identity)
                yield _Sent(identity, issuer, route.name)


def _claims(identity: Identity) -> frozenset[str]:
    """Return the claims that some header carries; nested ones are others."""
    paths = (path for _, source in identity.headers for path in claims_of(source))
    return frozenset(path[0] for path in paths if len(path) == 1)


def _part(places: Places, sent: _Sent, claim: str) -> Part:
    """Return the setting of the header that carries *claim*."""
    name = next(name for name, source in sent.identity.headers if (claim,) in claims_of(source))
    return places.identity_header(name, sent.issuer, sent.route)
