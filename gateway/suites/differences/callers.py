"""Generate the callers that both configurations are compared for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

from gateway.decision.policy import ID_TOKEN_CLAIMS, Issuer, Policy, Profile
from gateway.decision.routes.routing import Match, Route
from gateway.decision.rules.claim_names import format_claim_name
from gateway.decision.rules.claim_tests import ClaimGroup, ClaimRule, compile_claim_test
from gateway.decision.tenants import PLACEHOLDER, Tenants
from gateway.decision.tokens.scopes import MalformedClaimError, read_scopes
from gateway.settings.values.configuration import Settings
from gateway.suites.differences.scope_meaning import ScopeMeaning
from gateway.suites.differences.side import Caller, Side
from gateway.suites.samples.claim_sets import Claims, failing, passing
from gateway.suites.samples.meaning import fill, forbidden_scopes
from gateway.suites.samples.sample_claims import allowed_claims
from gateway.suites.samples.scope_claims import with_scopes, without_scopes
from gateway.suites.simulation.compact import to_json
from gateway.suites.simulation.persona import (
    SOME_TENANT,
    Persona,
    claims_of_tenant,
    make_claims,
)
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.run_keys import cheapest
from gateway.suites.simulation.sandbox import revoked_id

FORGED = "signature"  # an attack that passes only in report mode
OTHER_AUDIENCE = "another-api"
NOBODY = Caller("nobody")
_NAME = "some-caller"
_MAX_TENANTS = 3  # of those that come or go: all are alike
_TOKENS = 2
_MAX_WAYS = 16  # to satisfy a route: usually enough for each choice of a list


@dataclass(frozen=True, slots=True)
class Edge:
    """A change of a token, in words: other *claims*, another *typ* or *algorithm*, an *attack*."""

    text: str
    claims: Mapping[str, object] = field(default_factory=dict)
    typ: str | None = None
    algorithm: str | None = None
    attack: str | None = None

    def of(self, caller: Caller) -> Caller:
        """Return *caller* with the change."""
        return replace(
            caller,
            name=f"{caller.name} {self.text}",
            claims={**caller.claims, **self.claims},
            header={**caller.header, **({} if self.typ is None else {"typ": self.typ})},
            algorithm=self.algorithm or caller.algorithm,
            attack=self.attack or caller.attack,
        )


def find_edges(old: Issuer, new: Issuer, at: float) -> Iterator[Edge]:
    """Yield a change for each difference between *old* and *new*, two versions of one issuer."""
    if (old.audiences is None) is not (new.audiences is None):
        yield Edge(f"for {OTHER_AUDIENCE}", {"aud": OTHER_AUDIENCE})
    for audience in sorted((old.audiences or frozenset()) ^ (new.audiences or frozenset())):
        yield Edge(f"for {audience}", {"aud": audience})
    for algorithm in sorted(old.algorithms ^ new.algorithms):
        yield Edge(f"by {algorithm}", algorithm=algorithm)
    if old.profile is not new.profile:
        yield Edge("of any kind of JWT", typ="JWT")
    if old.leeway_seconds != new.leeway_seconds:
        middle = (old.leeway_seconds + new.leeway_seconds) / 2
        yield Edge(f"expired for {middle:g} s", {"exp": at - middle})
    if old.reports is not new.reports:
        yield Edge("forged", attack=FORGED)
    for signal in sorted(old.id_token_signals ^ new.id_token_signals):
        yield Edge(f"with the sign {signal} of an ID token", _signs(old, new)[signal], typ="JWT")
    for name in sorted({*old.also_issued_as} ^ {*new.also_issued_as}):
        yield Edge(f"issued as {name}", {"iss": name})
    if old.tenants is not None and new.tenants is not None:
        yield from _tenant_edges(old.tenants, new.tenants)


def _tenant_edges(old: Tenants, new: Tenants) -> Iterator[Edge]:
    """Yield tokens of tenants that only one of both accepts, under each name that they may have."""
    listed = sorted((old.allowed or frozenset()) ^ (new.allowed or frozenset()))
    if (old.allowed is None) is not (new.allowed is None):
        listed = [SOME_TENANT]
    common = old.patterns[0], new.patterns[0]
    for tenant in listed[:_MAX_TENANTS]:
        claims = claims_of_tenant(old, tenant) | claims_of_tenant(new, tenant)
        yield Edge(f"of the tenant {tenant}", claims)
    known = sorted((old.allowed or {SOME_TENANT}) & (new.allowed or {SOME_TENANT}))
    for pattern in sorted(({*old.patterns} ^ {*new.patterns}) - {*common}):
        for tenant in known[:1]:
            name = pattern.replace(PLACEHOLDER, tenant)
            yield Edge(f"issued as {name}", {**claims_of_tenant(new, tenant), "iss": name})


def _signs(old: Issuer, new: Issuer) -> Mapping[str, Mapping[str, object]]:
    """Return claims with each sign of ID tokens."""
    common = (old.audiences or frozenset()) & (new.audiences or frozenset())
    client = min(common or new.audiences or {OTHER_AUDIENCE})
    empty = {source.path[0]: None for source in (*old.scopes_from, *new.scopes_from)}
    return {
        **{name: {name: "x"} for name in ID_TOKEN_CLAIMS},
        "token_use": {"token_use": "id"},
        "typ": {"typ": "ID"},
        "azp": {**empty, "aud": client, "azp": client},
    }


class Callers:
    """Callers for the configurations *old* and *new* at the time *at*.

    *scopes* are all scopes that matter to some route of either.
    """

    def __init__(self, old: Side, new: Side, at: float) -> None:
        self._sides = old, new
        self._at = at
        settings = old.loaded.settings, new.loaded.settings
        self._issuers = [_both(iss, settings) for iss in _known(settings)]
        self._audiences = frozenset[str]().union(
            *(
                route.audiences
                for one in settings
                for route in one.policy.routes.routes
                if route.audiences is not None
            )
        )
        scopes = frozenset[str]().union(
            *(
                mentioned(route, one.policy)
                for one in settings
                for route in one.policy.routes.routes
            )
        )
        self.scopes = sorted(scopes)
        self._known: dict[tuple[str, ...], list[Caller]] = {}
        self._bare: list[Caller] = []

    def with_scopes(self, scopes: Sequence[str]) -> list[Caller]:
        """Return nobody, and for each issuer callers with each of *scopes* and with all of them."""
        known = self._known.get(tuple(scopes))
        if known is None:
            of_issuers = (one for pair in self._issuers for one in self._of_issuer(pair, scopes))
            known = self._known[tuple(scopes)] = [NOBODY, *of_issuers]
        return known

    def bare(self) -> list[Caller]:
        """Return nobody, and for each issuer a caller without a scope."""
        if not self._bare:
            self._bare += (NOBODY, *(self._without_scope(pair) for pair in self._issuers))
        return self._bare

    def meeting(self, request: SimulatedRequest) -> list[Caller]:
        """Return callers that satisfy all rules of the routes that own *request*.

        Also return each of them with every scope and every claim that either route forbids.
        """
        owners = [side.find(request) for side in self._sides]
        matches = [one if isinstance(one, Match) else None for one in owners]
        known = self._satisfying(matches)
        return [*known, *self._by_session([one for one in matches if one is not None], known)]

    def companions(self, request: SimulatedRequest) -> list[Caller]:
        """Return second tokens for *request*, as ``meeting`` returns first ones.

        There are some if the route of either side requires one.
        """
        owners = [side.find(request) for side in self._sides]
        return self._satisfying([_of_second(one) for one in owners])

    def _satisfying(self, owners: Sequence[Match | None]) -> list[Caller]:
        """Return callers that satisfy the routes that match in the two sides."""
        found: dict[bytes, Caller] = {}
        matches = [one for one in owners if one is not None]
        scopes = sorted(frozenset[str]().union(*(_forbidden(match.route) for match in matches)))
        values = [one for match in matches for one in forbidden_claims(match)]
        for side, match, age in zip(self._sides, owners, ("old", "new"), strict=True):
            if match is not None and not match.route.public:
                for caller in self._meeting(side, match, age, scopes, values):
                    found.setdefault(_token_of(caller), caller)
        return list(found.values())

    def _by_session(self, matches: Sequence[Match], known: Sequence[Caller]) -> Iterator[Caller]:
        """Yield those of *known* that satisfy a route, by a session of each login of *matches*."""
        names = dict.fromkeys(rule.name for match in matches for rule in match.route.login)
        for name in names:
            issuers = {
                settings.issuers[settings.logins[name].issuer].issuer.issuer
                for settings in (side.loaded.settings for side in self._sides)
                if name in settings.logins
            }
            for caller in known:
                if caller.iss in issuers and caller.attack is None:
                    text = f"{caller.name}, by session of {name}"
                    yield replace(caller, name=text, login=name)

    def _meeting(
        self,
        side: Side,
        match: Match,
        age: str,
        scopes: Sequence[str],
        values: Sequence["Forbidden"],
    ) -> Iterator[Caller]:
        settings = side.loaded.settings
        for old, new in self._issuers:
            issuer = settings.policy.named(old.issuer)
            if issuer is None:
                continue
            ways = allowed_claims(
                _NAME, issuer, match.route, settings.policy, match.variables, self._at
            )
            for number, claims in enumerate(islice(ways, _MAX_WAYS), 1):
                way = f", way {number}" if number > 1 else ""
                text = f"{issuer.name}, as the {age} route requires{way}"
                caller = self._caller(text, (old, new), claims, issuer)
                held = _held(claims, issuer)
                yield caller
                if number == 1:
                    yield from self._changed(caller, old, new)
                    yield from with_moved_scopes(caller, old, new, held)
                for scope in scopes:
                    granted = with_scopes(claims, issuer.scopes_from, (*held, scope))
                    yield replace(caller, name=f"{text} with {scope}", claims=granted)
                for one in values:
                    for changed in islice(passing(one.rules, claims, one.variables), 1):
                        yield replace(caller, name=f"{text} with {one.text}", claims=changed)

    def _changed(self, caller: Caller, old: Issuer, new: Issuer) -> Iterator[Caller]:
        """Yield *caller* with each change that only one version of its issuer accepts."""
        for edge in self._edges(old, new):
            yield edge.of(caller)
        yield from breaking_rules(caller, old, new)

    def _edges(self, old: Issuer, new: Issuer) -> Iterator[Edge]:
        yield from find_edges(old, new, self._at)
        before, after = (
            {rule.name for rule in side.loaded.settings.policy.revocations.get(one.name, ())}
            for side, one in zip(self._sides, (old, new), strict=True)
        )
        for name in sorted(before ^ after):
            yield Edge(f"on the list {name}", {"jti": revoked_id(name)})

    def _usual(self, pair: tuple[Issuer, Issuer]) -> Caller:
        """Return a caller without a scope whose token is for every audience."""
        old, new = pair
        made = make_claims(Persona(_NAME), old, self._at)
        claims: Claims = {**made, "aud": self._audiences_of(pair) or "any-audience"}
        claims = next(passing((*old.claims, *new.claims), claims, {}), claims)
        return self._caller(new.name, pair, claims, new)

    def _audiences_of(self, pair: tuple[Issuer, Issuer]) -> list[str]:
        return sorted(self._audiences.union(*(one.audiences or () for one in pair)))

    def _without_scope(self, pair: tuple[Issuer, Issuer]) -> Caller:
        return Edge("without a scope").of(self._usual(pair))

    def _of_issuer(self, pair: tuple[Issuer, Issuer], scopes: Sequence[str]) -> Iterator[Caller]:
        old, new = pair
        bare = self._usual(pair)
        claims = bare.claims
        yield Edge("without a scope").of(bare)
        sources = tuple(one for one in new.scopes_from if one in old.scopes_from)
        for scope in scopes:
            granted = with_scopes(claims, sources or new.scopes_from, (scope,))
            yield replace(bare, name=f"{bare.name} with {scope}", claims=granted)
        granted = with_scopes(claims, sources or new.scopes_from, scopes)
        rich = replace(bare, claims=granted)
        yield from breaking_rules(rich, old, new)
        yield from with_moved_scopes(bare, old, new, scopes)
        if len(scopes) > 1:
            yield Edge("with every scope").of(rich)
        edges = [
            Edge(f"for {one}", {"aud": one}) for one in (*self._audiences_of(pair), OTHER_AUDIENCE)
        ]
        edges += (Edge("forged", attack=FORGED), *find_edges(old, new, self._at))
        for edge in {edge.text: edge for edge in edges}.values():
            yield edge.of(rich)

    def _caller(
        self, text: str, pair: tuple[Issuer, Issuer], claims: Claims, issuer: Issuer
    ) -> Caller:
        """Return the caller of a token that both configurations sign in the same way.

        *issuer* determines the algorithm if the two have none in common.
        """
        old, new = pair
        strict = Profile.RFC9068 in {old.profile, new.profile}
        header = {"typ": "at+jwt" if strict else "JWT"}
        algorithm = cheapest((old.algorithms & new.algorithms) or issuer.algorithms)
        return Caller(text, issuer.issuer, claims, header, algorithm)


def _of_second(owner: object) -> Match | None:
    """Return the match of a request with its route as that judges the second token, if it does."""
    if not isinstance(owner, Match) or len(owner.route.judged) < _TOKENS:
        return None
    return owner._replace(route=owner.route.judged[1])


def mentioned(route: Route, policy: Policy) -> frozenset[str]:
    """Return the scopes that matter to *route*."""
    expression = None if route.scopes is None else route.scopes.expression
    return ScopeMeaning(expression, policy.scope_implies).mentioned()


def _held(claims: Claims, issuer: Issuer) -> tuple[str, ...]:
    """Return the scopes of a token with *claims*; none if a rule makes them no scopes at all."""
    try:
        return read_scopes(claims, issuer.scopes_from)
    except MalformedClaimError:
        return ()


def _token_of(caller: Caller) -> bytes:
    """Return a key that distinguishes the token of *caller* from others."""
    token = {"claims": caller.claims, "header": caller.header, "attack": caller.attack}
    return to_json({**token, "iss": caller.iss, "algorithm": caller.algorithm})


def _forbidden(route: Route) -> frozenset[str]:
    return frozenset() if route.scopes is None else forbidden_scopes(route.scopes.expression)


def breaking_rules(caller: Caller, old: Issuer, new: Issuer) -> Iterator[Caller]:
    """Yield *caller* breaking each rule that only one version of its issuer has."""
    common = {rule.text for rule in old.claims} & {rule.text for rule in new.claims}
    for rule in (*old.claims, *new.claims):
        if rule.text in common:
            continue
        for claims in islice(failing(rule, caller.claims, {}), 1):
            yield replace(caller, name=f"{caller.name} breaking {rule.text}", claims=claims)


def with_moved_scopes(
    caller: Caller, old: Issuer, new: Issuer, scopes: Sequence[str]
) -> Iterator[Caller]:
    """Yield *caller* with *scopes* where only one version of its issuer reads them."""
    bare = without_scopes(caller.claims, (*old.scopes_from, *new.scopes_from))
    for source in dict.fromkeys((*old.scopes_from, *new.scopes_from)):
        if source in old.scopes_from and source in new.scopes_from:
            continue
        name = f"{caller.name} with scopes in {format_claim_name(source.path)}"
        for item in scopes:
            claims = with_scopes(bare, (source,), (item,))
            yield replace(caller, name=f"{name}: {item}", claims=claims)
        yield replace(caller, name=name, claims=with_scopes(bare, (source,), scopes))


class Forbidden(NamedTuple):
    """Claims that a route forbids: those that satisfy all *rules* on a path with *variables*."""

    text: str
    rules: tuple[ClaimRule, ...]
    variables: Mapping[str, str]


def forbidden_claims(match: Match) -> Iterator[Forbidden]:
    """Yield what the claim rules of a route forbid."""
    for rule in match.route.claims:
        for text, rules in _forbidden_by(rule, match.variables):
            yield Forbidden(text, rules, match.variables)


def _forbidden_by(
    rule: ClaimRule, variables: Mapping[str, str]
) -> Iterator[tuple[str, tuple[ClaimRule, ...]]]:
    if isinstance(rule, ClaimGroup):
        for part in rule.parts:
            if rule.kind == "not":
                yield " and ".join(one.text for one in part), part
                continue
            for one in part:
                yield from _forbidden_by(one, variables)
    elif rule.operator == "not_equals":
        test = compile_claim_test(rule.path, "equals", rule.operand)
        yield f"the {rule.claim} {fill(rule.operand, variables)}", (test,)
    elif rule.operator == "exists" and not rule.operand:
        yield f"the {rule.claim} anything", (compile_claim_test(rule.path, "exists", True),)


def _known(settings: Sequence[Settings]) -> Sequence[str]:
    return list(dict.fromkeys(known.issuer for one in settings for known in one.policy.trusted))


def _both(iss: str, settings: Sequence[Settings]) -> tuple[Issuer, Issuer]:
    """Return the issuer of both configurations; if only one has it, return it twice."""
    found = [known for one in settings if (known := one.policy.named(iss)) is not None]
    return found[0], found[-1]
