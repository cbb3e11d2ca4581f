"""Whom a route lets in, by how a request shows who it is: as formulas over a token."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from gateway.decision.decide import find_login
from gateway.decision.policy import Issuer, Policy
from gateway.decision.routes.routing import Route
from gateway.settings.values.configuration import Settings
from gateway.suites.symbolic.formula import FALSE, TRUE, Formula, all_of, any_of, negate, passes
from gateway.suites.symbolic.origins import find_issuer
from gateway.suites.symbolic.requirements import (
    LISTED,
    Origin,
    Variables,
    of_audiences,
    of_claims,
    of_issuer,
    of_scopes,
    of_step_up,
)


class Gate(NamedTuple):
    """When a request passes: *clean*, or merely *reported*, in spite of its first token."""

    clean: Formula
    reported: Formula = FALSE

    @property
    def any_way(self) -> Formula:
        """Return that it passes, clean or reported."""
        return any_of((self.clean, self.reported))


OPEN: Final = Gate(TRUE)
SHUT: Final = Gate(FALSE)


class Side(NamedTuple):
    """One configuration at the time *at*, with a *route* as it judges one token.

    All *readings* of a path have variables of their own. *lists* are the revocation lists by name,
    each with what both configurations call it.
    A second token is in *field*.
    """

    settings: Settings
    route: Route
    readings: tuple[Variables, ...]
    at: float
    lists: Mapping[str, str]
    field: bytes = b""

    def without_token(self) -> Gate:
        """Return the gate for requests without a token."""
        return OPEN if lets_all_in(self.route) or self.route.optional else SHUT

    def with_token(self, origin: Origin) -> Gate:
        """Return the gate for tokens of *origin*, as their issuer signs them."""
        if lets_all_in(self.route):
            return OPEN
        found = self._find(origin)
        if found is None:
            return SHUT
        issuer, named = found
        valid = valid_token(self.settings.policy, issuer.name, origin, self.at)
        audience = of_audiences(self.route.audiences)
        unlisted = self._unlisted(issuer)
        rules = self._rules(issuer, origin)
        clean = all_of((named, valid, audience, unlisted, rules))
        if not issuer.reports:
            return Gate(clean)
        listed = all_of((valid, audience, negate(unlisted)))
        return Gate(clean, all_of((named, any_of((negate(valid), listed)))))

    def with_forged(self, origin: Origin) -> Gate:
        """Return the gate for tokens that only claim to be of *origin*."""
        if lets_all_in(self.route):
            return OPEN
        found = self._find(origin)
        if found is None or not found[0].reports:
            return SHUT
        return Gate(FALSE, found[1])

    def with_session(self, login: str, authority: bytes | None, origin: Origin) -> Gate:
        """Return the gate for browsers with a session of *login* on the host *authority*."""
        rules = self.route.login
        if not rules:
            return self.without_token()
        rule = rules[0] if authority is None else find_login(rules, authority)
        if rule is None:
            return OPEN if lets_all_in(self.route) else SHUT
        if all(one.name != login for one in rules):
            return self.without_token()
        return self.with_token(origin)

    def _find(self, origin: Origin) -> tuple[Issuer, Formula] | None:
        """Return the issuer of such tokens, if the route accepts them, and when it is theirs."""
        if origin.is_opaque:
            found = self._find_asked(origin)
        else:
            found = find_issuer(self.settings.policy, origin)
        accepted = self.route.issuers
        if found is None or (accepted is not None and found[0].name not in accepted):
            return None
        return found

    def _find_asked(self, origin: Origin) -> tuple[Issuer, Formula] | None:
        """Return the issuer that the route asks about tokens that are no JWTs, if it is that."""
        introspector = self.route.introspector
        if introspector is None:
            return None
        issuer = self.settings.policy.introspecting[introspector]
        return (issuer, TRUE) if issuer.issuer == origin.iss else None

    def _unlisted(self, issuer: Issuer) -> Formula:
        rules = self.settings.policy.revocations.get(issuer.name, ())
        return all_of(
            negate(passes((LISTED + self.lists.get(rule.name, rule.name),), "equals", True))
            for rule in rules
        )

    def _rules(self, issuer: Issuer, origin: Origin) -> Formula:
        route, iss = self.route, iss_of(issuer, origin)
        scopes = None if route.scopes is None else route.scopes.expression
        return all_of(
            (
                of_scopes(scopes, issuer, self.settings.policy),
                *(of_claims(route.claims, one, iss) for one in self.readings),
                of_step_up(route.step_up, issuer, self.at),
            )
        )


def lets_all_in(route: Route) -> bool:
    """Return whether every request passes, whatever its token is."""
    return route.public or route.reports


def may_report(route: Route, policy: Policy) -> bool:
    """Return whether *route* may let requests pass that are only reported."""
    if route.public:
        return False
    return route.reports or any(one.reports for one in policy.trusted)


@lru_cache(maxsize=4096)
def as_enforced(route: Route) -> Route:
    """Return *route* as if it refused what it only reports."""
    return replace(route, reports=False)


def iss_of(issuer: Issuer, origin: Origin) -> str | None:
    """Return the ``iss`` that rules see; None if it depends on the tenant."""
    return None if origin.pattern is not None else origin.iss or issuer.issuer


@lru_cache(maxsize=4096)
def valid_token(policy: Policy, name: str, origin: Origin, at: float) -> Formula:
    """Return that the issuer *name* accepts a token of *origin*, as ``of_issuer``; made once."""
    issuer = next(one for one in policy.trusted if one.name == name)
    return of_issuer(issuer, origin, at)
