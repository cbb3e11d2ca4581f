"""Build the identity headers that issuers and routes have of their own."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gateway.decision.identity import Identity, OwnHeaders, canonical_alias
from gateway.decision.routes.routing import Route
from gateway.settings.build.identity import build_headers
from gateway.settings.build.sections import Named
from gateway.settings.schema.identity import OwnIdentityModel
from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.grants import Grant
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean
from gateway.settings.values.configuration import IssuerSettings


def add_issuer_identities(
    issuers: Mapping[str, IssuerSettings],
    named: Sequence[Named[IssuerModel]],
    general: Identity,
    faults: list[Fault],
) -> dict[str, IssuerSettings]:
    """Return *issuers*, each with the identity of its tokens if it has headers of its own."""
    found = dict(issuers)
    for one in named:
        model = None if one.model is None else one.model.identity
        if model is None:
            continue
        own = _build_own(model, one.part.child("identity"), general, [general], faults)
        if one.name in found:
            settings = found[one.name]
            issuer = replace(settings.issuer, identity=general.replaced(own))
            found[one.name] = replace(settings, issuer=issuer)
    return found


def add_route_identities(
    routes: Sequence[Route],
    named: Sequence[Named[RouteModel]],
    issuers: Mapping[str, IssuerSettings],
    general: Identity,
    faults: list[Fault],
) -> tuple[Route, ...]:
    """Return *routes*, each with an identity for each of *issuers* if it has headers of its own.

    Routes that send the same headers share one identity, so that a token is rendered for it once.
    """
    by_name = {one.name: one for one in named}
    shared = _Shared(issuers, general)
    found: list[Route] = []
    for route in routes:
        one = by_name[route.name]
        model = None if one.model is None else one.model.identity
        if model is None:
            found.append(route)
            continue
        part = one.part.child("identity")
        if route.public:
            message = "a public route sends no identity: no token is read here"
            faults.append(part.key_fault(Code.CONFLICTING_KEYS, message))
        bases = shared.bases(route.issuers)
        own = _build_own(model, part, general, bases.values(), faults)
        found.append(replace(route, identities=shared.identities(route.issuers, own)))
    return tuple(found)


class _Shared:
    """The identities of routes, made once for each combination of issuers and headers."""

    def __init__(self, issuers: Mapping[str, IssuerSettings], general: Identity) -> None:
        self._of_issuers = {name: one.issuer.identity or general for name, one in issuers.items()}
        self._made: dict[tuple[Identity, OwnHeaders], Identity] = {}
        self._by_issuer: dict[tuple[frozenset[str] | None, OwnHeaders], Mapping[str, Identity]] = {}

    def bases(self, accepted: frozenset[str] | None) -> dict[str, Identity]:
        """Return the identities of the *accepted* issuers; None means all."""
        if accepted is None:
            return self._of_issuers
        return {name: self._of_issuers[name] for name in accepted if name in self._of_issuers}

    def identities(
        self, accepted: frozenset[str] | None, own: OwnHeaders
    ) -> Mapping[str, Identity]:
        """Return the identities of a route with the headers *own*, by name of the issuer."""
        known = self._by_issuer.get((accepted, own))
        if known is None:
            known = self._by_issuer[accepted, own] = {
                name: self._identity(base, own) for name, base in self.bases(accepted).items()
            }
        return known

    def _identity(self, base: Identity, own: OwnHeaders) -> Identity:
        made = self._made.get((base, own))
        if made is None:
            made = self._made[base, own] = base.replaced(own)
        return made


def _build_own(
    model: OwnIdentityModel,
    part: Part,
    general: Identity,
    bases: Iterable[Identity],
    faults: list[Fault],
) -> OwnHeaders:
    """Return the valid headers of *model*, which replace some of *bases*."""
    refused = part.refuse("set identity headers", Grant.IDENTITY)
    if refused is not None:
        faults.append(part.key_fault(Code.NOT_GRANTED, refused))
    at = part.child("headers")
    own = build_headers(model.headers, at, {}, faults)
    asserted = {canonical_alias(name) for name in general.reserved}
    sent: dict[bytes, str] | None = None
    for name, source in own:
        alias, text = canonical_alias(name), name.decode("ascii")
        if alias in asserted:
            message = f"`{shorten(text)}` already carries the assertion"
            faults.append(at.child(text).key_fault(Code.BAD_VALUE, message))
        if source is not None:
            continue
        if sent is None:
            sent = {
                canonical_alias(name): name.decode() for one in bases for name, _ in one.headers
            }
        if alias not in sent:
            meant = did_you_mean(text, sent.values())
            message = f"no identity header is named `{shorten(text)}`, so it is not sent{meant}"
            faults.append(at.child(text).key_fault(Code.UNKNOWN_REFERENCE, message))
    return own


def own_header_names(
    issuers: Mapping[str, IssuerSettings], routes: Sequence[Route], general: Identity
) -> tuple[bytes, ...]:
    """Return the names of the headers that *issuers* and *routes* send, and *general* does not."""
    identities = dict.fromkeys(_identities(issuers, routes))
    names = dict.fromkeys(name for one in identities for name, _ in one.headers)
    common = {name for name, _ in general.headers}
    return tuple(name for name in names if name not in common)


def _identities(
    issuers: Mapping[str, IssuerSettings], routes: Sequence[Route]
) -> Iterator[Identity]:
    for one in issuers.values():
        if one.issuer.identity is not None:
            yield one.issuer.identity
    tables = {id(route.identities): route.identities for route in routes}
    for table in tables.values():
        yield from () if table is None else table.values()


def written_names(
    issuers: Sequence[Named[IssuerModel]], routes: Sequence[Named[RouteModel]]
) -> Iterator[str]:
    """Yield the names of headers that *issuers* and *routes* write, faulty ones included."""
    models = (*(one.model for one in issuers), *(one.model for one in routes))
    for model in models:
        if model is not None and model.identity is not None:
            yield from model.identity.headers
