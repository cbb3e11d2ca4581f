"""Warn about identity headers that do not identify a user."""

from collections.abc import Iterator

from gateway.decision.rules.claim_names import parse_claim_name
from gateway.settings.schema.identity import DEFAULT_IDENTITY
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Settings

# Unique within one issuer at best (RFC 7519 §4.1.2, OpenID Connect Core §5.7).
_OF_ONE_ISSUER = ("sub", "client_id", "azp", "oid", "preferred_username", "upn", "email")

# OpenID Connect Core §5.7: these may change, and may later belong to another person; some
# issuers let people choose them.
_CHANGEABLE = ("preferred_username", "upn", "email", "name", "nickname", "phone_number")
_LASTING = {"sub", "oid", "uid", "user_id"}


def find_ambiguous_subjects(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning if a service cannot distinguish users of two issuers."""
    headers = _headers(places)
    sent = next((claim for claim in _OF_ONE_ISSUER if claim in headers), None)
    if sent is None or "iss" in headers:
        return
    everyone = frozenset(settings.issuers)
    listed: dict[str, set[frozenset[str]]] = {}
    for route in settings.policy.routes.routes:
        if not route.public:
            issuers = everyone if route.issuers is None else route.issuers
            listed.setdefault(route.upstream, set()).add(issuers)
    accepted = {name: frozenset().union(*issuers) for name, issuers in listed.items()}
    for upstream, issuers in accepted.items():
        if len(issuers) > 1:
            first, second = sorted(issuers)[:2]
            message = (
                f"`{upstream}` cannot distinguish a `{sent}` of `{first}` from the same one of"
                f" `{second}`: send `iss` as well, e.g. X-Gateway-Issuer: iss"
            )
            part = places.main().child("identity").child("headers").child(headers[sent])
            yield part.key_warning(Code.SUBJECT_AMBIGUOUS, message)
            return


def find_changeable_subjects(places: Places) -> Iterator[Fault]:
    """Yield a warning if services identify users only by claims that can change hands."""
    headers = _headers(places)
    sent = next((claim for claim in _CHANGEABLE if claim in headers), None)
    if sent is not None and not _LASTING & set(headers):
        message = (
            f"services identify users by `{sent}` alone, which can change or be chosen: send `sub`"
        )
        part = places.main().child("identity").child("headers").child(headers[sent])
        yield part.key_warning(Code.SUBJECT_CHANGEABLE, message)


def _headers(places: Places) -> dict[str, str]:
    """Return the header for each plain claim, as the configuration writes them."""
    raw = places.main().child("identity").child("headers").raw
    written = raw if isinstance(raw, dict) else DEFAULT_IDENTITY
    paths = {parse_claim_name(str(claim)): str(name) for name, claim in written.items()}
    return {path[0]: name for path, name in paths.items() if len(path) == 1}
