"""Write a first suite: for each route, callers that it allows and callers that it refuses."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain, islice

from gateway.cli.init.issuer_entry import ISSUER_NAME
from gateway.cli.init.planned_routes import Plan, PlannedRoute
from gateway.cli.init.yaml_text import comment, inline, quote
from gateway.decision.policy import Issuer
from gateway.openapi.api import Access, Security
from gateway.suites.samples.claim_sets import passing, with_claim

_VARIABLE = re.compile(r"\{(\w+)\}")
_NOBODY, _STRANGER = "nobody", "stranger"
_LATE, _FORGER = "late", "forger"
# With more, each test tries those of its own route, or their number grows with the square.
_MOST_IN_EACH_TEST = 20

Alternative = frozenset[str]


def format_suite(plan: Plan, issuer: Issuer, host: str, config: str) -> str:
    """Return a suite in YAML for the routes of *plan*; *config* is the name of their file.

    What it expects comes from the plan, not from the configuration that it tests.
    """
    personas = _personas(plan)
    remarks = ["Who may do what: `gateway test` compares it with the configuration."]
    if len(personas) > _MOST_IN_EACH_TEST:
        remarks.append(
            f"There are {len(personas)} sets of scopes, so a test tries only those of its route,"
            " and one other."
        )
    lines = chain(
        *(comment(remark, 0) for remark in remarks),
        ["version: 1", f"gateway: {quote(config)}", "", "personas:"],
        _persona_lines(personas, issuer),
        ["", "tests:"],
        *(_test(route, personas, host) for route in plan.routes),
    )
    return "\n".join([*lines, ""])


def _personas(plan: Plan) -> Mapping[Alternative, str]:
    """Return the persona with each set of scopes that a rule accepts, by the scopes."""
    found: dict[Alternative, str] = {}
    names = {_NOBODY, _STRANGER, _LATE, _FORGER}
    for route in plan.routes:
        for scopes in route.security.alternatives:
            if not scopes or scopes in found:
                continue
            words = re.sub(r"[^A-Za-z0-9]+", "-", " ".join(sorted(scopes))).strip("-")[:60]
            name = unique = f"with-{words}".rstrip("-")
            number = 2
            while unique in names:
                unique, number = f"{name}-{number}", number + 1
            names.add(unique)
            found[scopes] = unique
    return found


def _persona_lines(personas: Mapping[Alternative, str], issuer: Issuer) -> Iterator[str]:
    # A token that the issuer's own rules accept, of which nobody wrote how it looks.
    claims: Mapping[str, object] = next(passing(issuer.claims, {}, {}), {})
    written = f", claims: {inline(claims)}" if claims else ""
    yield f"  {_NOBODY}: {{anonymous: true}}"
    yield f"  {_STRANGER}: {{issuer: {ISSUER_NAME}{written}}} # a valid token without scopes"
    yield f"  {_LATE}: {{extends: {_STRANGER}, times: {{exp: -10m}}}}"
    yield f"  {_FORGER}: {{extends: {_STRANGER}, attack: signature}}"
    path, prefix = issuer.scopes_from[0]
    for scopes, name in personas.items():
        texts = [scope.removeprefix(prefix) for scope in sorted(scopes)]
        is_text = path in {("scope",), ("scp",)}
        granted = with_claim({}, path, " ".join(texts) if is_text else texts)
        yield f"  {quote(name)}: {{extends: {_STRANGER}, claims: {inline(granted)}}}"


def _test(route: PlannedRoute, personas: Mapping[Alternative, str], host: str) -> Iterator[str]:
    method = route.methods[0] if route.methods else "GET"
    path = f"{route.path}anything" if route.is_prefix else route.path
    target = _VARIABLE.sub(lambda found: f"some-{found[1].replace('_', '-')}", path)
    yield f"  - name: {quote(f'{method} {route.path}')}"
    yield f"    request: {quote(f'{method} https://{host}{target}')}"
    if route.security.access is Access.PUBLIC:
        yield "    expect: {others: allow}"
        return
    yield "    expect:"
    yield f"      {_NOBODY}: {'allow' if route.security.is_optional else 'token_missing'}"
    yield f"      {_LATE}: token_expired"
    yield f"      {_FORGER}: signature_invalid"
    if _accepts(route.security, frozenset()):
        yield "      others: allow"
        return
    yield from _by_scopes(route.security, personas)


def _by_scopes(security: Security, personas: Mapping[Alternative, str]) -> Iterator[str]:
    """Yield what is expected of the personas with scopes, and of all others."""
    if len(personas) <= _MOST_IN_EACH_TEST:
        for scopes, name in personas.items():
            if _accepts(security, scopes):
                yield f"      {quote(name)}: allow"
        yield "      others: scope_missing"
        return
    for scopes in security.alternatives:
        yield f"      {quote(personas[scopes])}: allow"
    yield f"      {_STRANGER}: scope_missing"
    others = islice(personas.items(), _MOST_IN_EACH_TEST)
    other = next((name for scopes, name in others if not _accepts(security, scopes)), None)
    if other is not None:
        yield f"      {quote(other)}: scope_missing"
    yield "      others: skip"


def _accepts(security: Security, scopes: Alternative) -> bool:
    """Return whether a token with *scopes* may call, by the rule of the description."""
    if security.access is Access.UNSAID:
        return True
    return any(one <= scopes for one in security.alternatives)
