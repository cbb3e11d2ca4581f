"""Explain where each identity header of a request comes from."""

from dataclasses import dataclass

from gateway.decision.explaining.steps import Owner, Setting
from gateway.decision.identity import Identity, canonical_alias
from gateway.decision.policy import Policy
from gateway.decision.routes.routing import Route
from gateway.decision.rules.claim_names import format_claim_name
from gateway.decision.rules.claim_sources import (
    ClaimSource,
    alternatives_of,
    format_claim_source,
)
from gateway.decision.token import Claims, SignedToken
from gateway.decision.tokens.identity_fields import find_first


@dataclass(frozen=True, slots=True)
class HeaderOrigin:
    """Where the identity header *name* comes from.

    *source* is as in the configuration, empty if *setting* sends no such header. *claims* are
    those of the token that make it, *missing* those that keep it from being sent.
    """

    name: str
    source: str
    claims: tuple[str, ...]
    missing: tuple[str, ...]
    setting: Setting

    @property
    def is_sent(self) -> bool:
        """Return whether the service receives the header."""
        return bool(self.source) and not self.missing


def header_origins(token: SignedToken, route: Route, policy: Policy) -> tuple[HeaderOrigin, ...]:
    """Return the origin of each identity header that *route* may have with *token*.

    A header belongs to the last of the file, the issuer and the route that changes it.
    """
    issuer = token.issuer
    of_route = None if route.identities is None else route.identities[issuer.name]
    found: dict[bytes, tuple[bytes, ClaimSource | None, Setting]] = {}
    for owner, name, identity in (
        (Owner.FILE, "", policy.identity),
        (Owner.ISSUER, issuer.name, issuer.identity),
        (Owner.ROUTE, route.name, of_route),
    ):
        if identity is not None:
            _replace(found, identity, owner, name)
    return tuple(
        _origin(header, source, token.claims, setting) for header, source, setting in found.values()
    )


def _replace(
    found: dict[bytes, tuple[bytes, ClaimSource | None, Setting]],
    identity: Identity,
    owner: Owner,
    name: str,
) -> None:
    """Note what *identity* changes, which *owner* has, in what was *found* so far, by alias."""
    own = {canonical_alias(header): (header, source) for header, source in identity.headers}
    for alias, (header, source, _) in tuple(found.items()):
        if alias not in own and source is not None:
            found[alias] = header, None, _setting(owner, name, header)
    for alias, (header, source) in own.items():
        known = found.get(alias)
        if known is None or known[:2] != (header, source):
            found[alias] = header, source, _setting(owner, name, header)


def _setting(owner: Owner, name: str, header: bytes) -> Setting:
    return Setting(owner, name, ("identity", "headers", header.decode("ascii")))


def _origin(
    header: bytes, source: ClaimSource | None, claims: Claims, setting: Setting
) -> HeaderOrigin:
    name = header.decode("ascii")
    if source is None:
        return HeaderOrigin(name, "", (), (), setting)
    places = alternatives_of(source)
    firsts = [find_first(paths, claims)[0] for paths in places]
    missing = [path for paths, first in zip(places, firsts, strict=True) if first is None
               for path in paths]  # fmt: skip
    return HeaderOrigin(
        name,
        format_claim_source(source),
        tuple(format_claim_name(path) for path in firsts if path is not None),
        tuple(map(format_claim_name, missing)),
        setting,
    )
