"""What issuers and routes require of a token, as formulas over its claims."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, assert_never

from gateway.decision.policy import ID_TOKEN_CLAIMS, OTHER_KINDS, Issuer, Policy, Profile
from gateway.decision.rules.claim_tests import ClaimRule, ClaimTest, all_tests
from gateway.decision.rules.glob import split_glob
from gateway.decision.rules.operands import (
    UnknownVariableError,
    compile_operand,
    fill_text,
    path_variables,
    split_text,
)
from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, ScopeExpression
from gateway.decision.rules.step_up import StepUp
from gateway.suites.symbolic.formula import (
    FALSE,
    TRUE,
    ClaimPath,
    Formula,
    all_of,
    any_of,
    negate,
    passes,
)
from gateway.suites.symbolic.text_values import Pattern

Variables = Mapping[str, str]

# What formulas say besides claims, as if these were claims. No claim of a rule has such a name.
TYP: Final = "\0typ"  # of the header, in the form of ``CompactToken.token_type``
ALGORITHM: Final = "\0alg"
OF_CLIENT: Final = "\0of client"  # true if the only audience is the client itself
LISTED: Final = "\0listed "  # and the name of a revocation list: true if the token is on it

_ACCESS_TOKEN = passes((TYP,), "equals", "at+jwt")
_JWT = passes((TYP,), "equals", "jwt")
_JOSE = passes((TYP,), "equals", "jose")

_KEYCLOAK_KINDS: Final = ("ID", "Refresh", "Offline", "Logout")
_REQUIRED_BY_RFC9068: Final = ("aud", "client_id", "iat", "jti", "sub")
_FOR_SCOPES: Final = frozenset({("scope",), ("scp",)})

# As decision.tokens.claims and introspected have them.
_TYPES: Final = (
    passes(("jti",), "type", "text"),
    passes(("client_id",), "type", "text"),
    passes(("sub",), "type", "subject"),
    passes(("aud",), "type", "texts"),
    passes(("exp",), "type", "time"),
    passes(("nbf",), "type", "time"),
    passes(("iat",), "type", "time"),
)
_ANSWER: Final = (
    negate(passes(("cnf",), "exists")),
    any_of(
        (
            negate(passes(("token_type",), "exists")),
            passes(("token_type",), "in_any_case", ("bearer",)),
        )
    ),
    any_of(
        (
            negate(passes(("token_use",), "exists")),
            *(passes(("token_use",), "equals", one) for one in ("access", "access_token")),
        )
    ),
    negate(passes(("typ",), "in_any_case", ("refresh", "offline", "id", "logout"))),
)


def _equals_any(path: ClaimPath, values: Iterable[object]) -> Formula:
    return any_of(passes(path, "equals", value) for value in values)


# --- rules of routes, and of issuers


def of_scopes(expression: ScopeExpression | None, issuer: Issuer, policy: Policy) -> Formula:
    """Return that a token of *issuer* is granted scopes that satisfy *expression*."""
    match expression:
        case None:
            return TRUE
        case str():
            return _granted(expression, issuer, policy)
        case AllOf():
            return all_of(of_scopes(part, issuer, policy) for part in expression.parts)
        case AnyOf():
            return any_of(of_scopes(part, issuer, policy) for part in expression.parts)
        case NoneOf():
            return all_of(negate(of_scopes(part, issuer, policy)) for part in expression.parts)
        case _:
            assert_never(expression)


def _granted(scope: str, issuer: Issuer, policy: Policy) -> Formula:
    """Return that the token has *scope*, or one that implies it, in a claim that has scopes."""
    return any_of(
        passes(source.path, "item", one.removeprefix(source.prefix))
        for one in (scope, *_implying(policy).get(scope, ()))
        for source in issuer.scopes_from
        if one.startswith(source.prefix) and one != source.prefix
    )


@lru_cache(maxsize=8)
def _implying(policy: Policy) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for scope, implied in policy.scope_implies.items():
        for one in implied:
            found.setdefault(one, []).append(scope)
    return found


def of_claims(rules: Iterable[ClaimRule], variables: Variables, iss: str | None) -> Formula:
    """Return that all *rules* hold on a path with *variables*.

    *iss* is that of the token; None if it is not known.
    """
    return all_of(_of_rule(rule, variables, iss) for rule in rules)


def _of_rule(rule: ClaimRule, variables: Variables, iss: str | None) -> Formula:
    if isinstance(rule, ClaimTest):
        if iss is not None and rule.path[0] == "iss":
            return TRUE if rule.holds({"iss": iss}, variables) else FALSE
        try:
            return _of_test(rule, variables)
        except UnknownVariableError:
            return FALSE
    parts = [of_claims(part, variables, iss) for part in rule.parts]
    if rule.kind == "all":
        return all_of(parts)
    if rule.kind == "any":
        return any_of(parts)
    needed = path_variables([one.operand for part in rule.parts for one in all_tests(part)])
    return negate(any_of(parts)) if needed <= variables.keys() else FALSE


def _of_test(rule: ClaimTest, variables: Variables) -> Formula:
    path, operand = rule.path, rule.operand
    match rule.operator:
        case "exists":
            exists = passes(path, "exists")
            return exists if operand else negate(exists)
        case "not_equals":
            equal = passes(path, "equals", compile_operand(operand)(variables))
            return all_of((passes(path, "exists"), negate(equal)))
        case "in":
            choices = operand if isinstance(operand, list | tuple) else ()
            return _equals_any(path, (compile_operand(one)(variables) for one in choices))
        case "matches":
            return passes(path, "matches", _pattern(str(operand), variables))
        case "at_least":
            return passes(path, "at_least", operand)
        case _:  # equals, contains
            return passes(path, rule.operator, compile_operand(operand)(variables))


def _pattern(glob: str, variables: Variables) -> Pattern:
    pieces = tuple(fill_text(split_text(piece), variables) for piece in split_glob(glob))
    return Pattern(pieces, sum(piece.count("@") for piece in pieces) or None)


def of_step_up(wanted: StepUp | None, issuer: Issuer, at: float) -> Formula:
    """Return that the login behind a token is strong enough and recent enough at the time *at*."""
    if wanted is None:
        return TRUE
    parts: list[Formula] = []
    if wanted.acr_values:
        parts.append(_equals_any(("acr",), wanted.acr_values))
    if wanted.max_age_seconds is not None:
        parts.append(passes(("auth_time",), "at_least", at - wanted.max_age_seconds))
        parts.append(negate(passes(("auth_time",), "above", at + issuer.leeway_seconds)))
    return all_of(parts)


def of_audiences(audiences: frozenset[str] | None) -> Formula:
    """Return that a token has one of *audiences*; None means any, or none."""
    if audiences is None:
        return TRUE
    return any_of(passes(("aud",), "member", one) for one in sorted(audiences))


# --- issuers


class Origin(NamedTuple):
    """How a token says whose it is: by *iss*, or by a tenant in *pattern*, but none of *excluded*.

    Without either, its `sub` is in the trust *domain*. If it *is_opaque*, it is no JWT, and the
    issuer that is asked about it is *iss*.
    """

    iss: str | None = None
    pattern: str | None = None
    excluded: frozenset[str] = frozenset()
    domain: str | None = None
    is_opaque: bool = False


def of_issuer(issuer: Issuer, origin: Origin, at: float) -> Formula:
    """Return that *issuer* accepts a token at the time *at*, without its revocation lists."""
    iss = None if origin.pattern is not None else origin.iss or issuer.issuer
    introspects = origin.is_opaque or issuer.introspects
    return all_of(
        (
            _equals_any((ALGORITHM,), sorted(issuer.algorithms)),
            *(_of_answer(issuer, origin) if introspects else (_of_type(issuer),)),
            *_TYPES,
            *(passes(path, "type", "scopes") for path in _scope_claims(issuer)),
            *_of_times(issuer, at, requires_expiry=not introspects),
            of_audiences(issuer.audiences),
            *_of_kind(issuer, is_typed=not introspects and issuer.trust_domain is None),
            of_claims(issuer.claims, {}, iss),
        )
    )


def _of_answer(issuer: Issuer, origin: Origin) -> Iterable[Formula]:
    """Return what an answer about a token must say; there is no header."""
    of_other = origin.iss is not None and origin.iss != issuer.issuer
    if of_other or issuer.profile is Profile.RFC9068:
        return (FALSE,)
    return _ANSWER


def _of_type(issuer: Issuer) -> Formula:
    if issuer.trust_domain is not None:
        if issuer.profile is Profile.RFC9068:
            return FALSE
        subject = passes(("sub",), "workload", issuer.trust_domain)
        return all_of((any_of((_JWT, _JOSE)), subject))
    return _ACCESS_TOKEN if issuer.profile is Profile.RFC9068 else any_of((_JWT, _ACCESS_TOKEN))


def _scope_claims(issuer: Issuer) -> list[ClaimPath]:
    return [source.path for source in issuer.scopes_from if source.path in _FOR_SCOPES]


def _of_times(issuer: Issuer, at: float, requires_expiry: bool) -> Iterator[Formula]:
    leeway_seconds = issuer.leeway_seconds
    in_time = passes(("exp",), "above", at - leeway_seconds)
    missing = negate(passes(("exp",), "exists"))
    yield in_time if requires_expiry else any_of((in_time, missing))
    for name in ("nbf", "iat"):
        yield negate(passes((name,), "above", at + leeway_seconds))


def _of_kind(issuer: Issuer, is_typed: bool) -> Iterator[Formula]:
    """Yield what tells an access token from others; if it *is_typed*, its type may say so."""
    if issuer.profile is Profile.RFC9068:
        yield from (passes((name,), "exists") for name in _REQUIRED_BY_RFC9068)
        return
    typed = _ACCESS_TOKEN if is_typed else FALSE
    signals = issuer.id_token_signals
    for name in (*OTHER_KINDS, *ID_TOKEN_CLAIMS):
        if name in issuer.kind_claims:
            yield any_of((negate(passes((name,), "named")), typed))
    if "token_use" in signals:
        yield any_of((negate(passes(("token_use",), "equals", "id")), typed))
    if "typ" in signals:
        yield any_of((negate(_equals_any(("typ",), _KEYCLOAK_KINDS)), typed))
    if "azp" in signals:
        scopes = (passes(source.path, "any_item") for source in issuer.scopes_from)
        yield any_of((negate(passes((OF_CLIENT,), "equals", True)), *scopes, typed))
