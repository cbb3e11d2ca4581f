"""Make the callers that both configurations are asked about."""

from collections.abc import Iterator, Sequence
from itertools import islice

from gateway.decision.policy import Issuer, Policy, Profile
from gateway.decision.routing import Match, Route
from gateway.settings.values import Settings
from gateway.suites.compact import to_json
from gateway.suites.differences.scope_meaning import ScopeMeaning
from gateway.suites.differences.side import Caller, Side
from gateway.suites.persona import LIFETIME_SECONDS, Persona, make_claims, make_header
from gateway.suites.request import AskedRequest
from gateway.suites.samples.sample_claims import allowed_claims

NOBODY = Caller("nobody")
_NAME = "some-caller"
_MAX_WAYS = 8  # in which a route may be satisfied: each choice of a list, in most of them


class Callers:
    """Callers for the configurations *old* and *new* at the time *at*.

    *scopes* are all that some route of either makes a difference of.
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

    def with_scopes(self, scopes: Sequence[str]) -> list[Caller]:
        """Return nobody, and for each issuer a few callers that have *scopes*, each or all."""
        known = self._known.get(tuple(scopes))
        if known is None:
            of_issuers = (one for pair in self._issuers for one in self._of_issuer(pair, scopes))
            known = self._known[tuple(scopes)] = [NOBODY, *of_issuers]
        return known

    def meeting(self, request: AskedRequest) -> list[Caller]:
        """Return callers that meet all rules of the routes that own *request*."""
        found: dict[tuple[str, bytes], Caller] = {}
        for side, age in zip(self._sides, ("old", "new"), strict=True):
            match = side.find(request)
            if isinstance(match, Match) and not match.route.public:
                for caller in self._meeting(side, match, age):
                    found.setdefault((str(caller.iss), to_json(caller.claims)), caller)
        return list(found.values())

    def _meeting(self, side: Side, match: Match, age: str) -> Iterator[Caller]:
        settings = side.loaded.settings
        for name, one in settings.issuers.items():
            typ = make_header(Persona(_NAME), one.issuer, "", "")["typ"]
            ways = allowed_claims(
                _NAME, one.issuer, match.route, settings.policy, match.variables, self._at
            )
            for number, claims in enumerate(islice(ways, _MAX_WAYS), 1):
                way = f", way {number}" if number > 1 else ""
                text = f"{name}, as the {age} {match.route.name} asks{way}"
                yield Caller(text, one.issuer.issuer, claims, {"typ": typ})

    def _of_issuer(self, pair: tuple[Issuer, Issuer], scopes: Sequence[str]) -> Iterator[Caller]:
        old, new = pair
        everything = " ".join(scopes)
        yield self._make(pair, "without a scope")
        for scope in scopes:
            yield self._make(pair, f"with {scope}", scope=scope)
        if len(scopes) > 1:
            yield self._make(pair, "with every scope", scope=everything)
        audiences = sorted((old.audiences or frozenset()) | (new.audiences or frozenset()))
        for audience in (*audiences, *sorted(self._audiences.difference(audiences)), "another-api"):
            yield self._make(pair, f"for {audience}", scope=everything, aud=audience)
        yield self._make(pair, "forged", scope=everything, attack="signature")
        for algorithm in sorted(old.algorithms ^ new.algorithms):
            yield self._make(pair, f"by {algorithm}", scope=everything, algorithm=algorithm)
        if old.profile is not new.profile:
            yield self._make(pair, "of any kind of JWT", scope=everything, typ="JWT")
        if old.leeway_seconds != new.leeway_seconds:
            middle = (old.leeway_seconds + new.leeway_seconds) / 2
            text = f"expired for {middle:g} s"
            yield self._make(pair, text, scope=everything, exp=self._at - middle)

    def _make(
        self,
        pair: tuple[Issuer, Issuer],
        text: str,
        *,
        typ: str | None = None,
        algorithm: str | None = None,
        attack: str | None = None,
        **claims: object,
    ) -> Caller:
        old, new = pair
        strict = Profile.RFC9068 in {old.profile, new.profile}
        audiences = self._audiences.union(*(one.audiences or () for one in pair))
        made: dict[str, object] = {
            **make_claims(Persona(_NAME), old, self._at),
            "aud": sorted(audiences) or "any-audience",
            "exp": int(self._at) + LIFETIME_SECONDS,
            **{name: value for name, value in claims.items() if value != ""},
        }
        common = old.algorithms & new.algorithms
        cheapest = next((one for one in ("ES256", "EdDSA") if one in common), None)
        return Caller(
            f"{new.name} {text}",
            new.issuer,
            made,
            {"typ": typ or ("at+jwt" if strict else "JWT")},
            algorithm or cheapest or next(iter(sorted(common or old.algorithms))),
            attack,
        )


def mentioned(route: Route, policy: Policy) -> frozenset[str]:
    """Return the scopes that make a difference to *route*."""
    expression = None if route.scopes is None else route.scopes.expression
    return ScopeMeaning(expression, policy.scope_implies).mentioned()


def _known(settings: Sequence[Settings]) -> Sequence[str]:
    return list(dict.fromkeys(iss for one in settings for iss in one.policy.issuers))


def _both(iss: str, settings: Sequence[Settings]) -> tuple[Issuer, Issuer]:
    """Return the issuer as both configurations have it; where one has none, twice the other."""
    found = [one.policy.issuers[iss] for one in settings if iss in one.policy.issuers]
    return found[0], found[-1]
