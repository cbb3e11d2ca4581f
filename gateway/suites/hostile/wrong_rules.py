"""Miss the rules of a route narrowly: claims, path variables, scopes, authentication, issuers."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.policy import ID_TOKEN_SIGNALS, OTHER_KINDS
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Match
from gateway.decision.routes.template import Variable
from gateway.decision.rules.claim_names import ABSENT
from gateway.decision.rules.claim_tests import ClaimRule, ClaimTest, all_tests
from gateway.decision.rules.operands import path_variables
from gateway.suites.hostile.attack import Attack, Forgery, Guard, let_through
from gateway.suites.hostile.control import Control
from gateway.suites.samples.claim_sets import Claims, with_claim
from gateway.suites.samples.meaning import claim_holds, grant, scopes_hold
from gateway.suites.samples.near_misses import near_misses
from gateway.suites.samples.scope_claims import with_scopes, without_scopes
from gateway.suites.samples.scope_sets import reduce, too_few, too_many
from gateway.suites.simulation.compact import to_json
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.persona import Persona, default_subject, make_header
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import revoked_id
from gateway.suites.simulation.wire import write_head

_FAILED = frozenset({Reason.CLAIM_RULE_FAILED})
# Claims that the gateway reads itself: another check may refuse first.
_READ = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id"}).union(
    OTHER_KINDS, ID_TOKEN_SIGNALS
)
_ALSO = frozenset(
    {
        Reason.CLAIM_MALFORMED, Reason.CLAIM_MISSING, Reason.ISSUER_UNKNOWN,
        Reason.AUDIENCE_MISMATCH, Reason.TOKEN_EXPIRED, Reason.TOKEN_NOT_YET_VALID,
        Reason.SCOPE_MISSING, Reason.KEY_UNKNOWN, Reason.SIGNATURE_INVALID,
        Reason.ALGORITHM_NOT_ALLOWED, Reason.TOKEN_TYPE_MISMATCH,
    }
)  # fmt: skip
_SCOPE_GUARD = Guard(None, ("require", "scopes"))


def forge_claims(control: Control) -> Iterator[Forgery]:
    """Yield tokens that narrowly fail one claim rule, for each rule."""
    claims, variables = control.draft.claims, control.variables
    read = _READ.union(source.path[0] for source in control.issuer.scopes_from)
    for owner, rule in _rules(control):
        is_read = any(test.path[0] in read for test in all_tests([rule]))
        reasons = _FAILED | _ALSO if is_read else _FAILED
        for variant, missed in near_misses(rule, claims, variables):
            text = f"{rule.text}: {variant}"
            token = _sign(control, missed)
            source, guard = "CWE-697, CWE-843", _guard(rule, owner)
            yield Forgery("claim-near-miss", text, source, token, reasons, guard)


def _rules(control: Control) -> Iterator[tuple[str | None, ClaimRule]]:
    """Yield the rules of the route, and those of the issuer with its name."""
    yield from ((None, rule) for rule in control.route.claims)
    yield from ((control.issuer.name, rule) for rule in control.issuer.claims)


def _guard(rule: ClaimRule, issuer: str | None = None) -> Guard:
    operator = (rule.operator,) if isinstance(rule, ClaimTest) else ()
    return Guard(issuer, ("require", "claims", rule.key, *operator))


def swap_variables(control: Control) -> Iterator[Attack]:
    """Yield the control's request with another value for each path variable in a rule."""
    credential = control.carry(bearer(control.draft.sign()))
    for rule in control.route.claims:
        for name in sorted(path_variables([test.operand for test in all_tests([rule])])):
            for other in _other_values(control.variables[name]):
                variables = {**control.variables, name: other}
                request = _with_variable(control, name, other)
                is_own = claim_holds(rule, control.draft.claims, variables)
                if is_own or not _owns(control, request):
                    continue
                yield Attack(
                    "path-of-another", f"{{{name}}} is {other}", "OWASP API1:2023",
                    write_head(request, *credential), _FAILED, _guard(rule), let_through,
                    request.line,
                )  # fmt: skip


def _other_values(value: str) -> list[str]:
    others = ("somebody-else", f"{value}x", value.swapcase(), value[:-1], "*", f"{value},x")
    return [other for other in dict.fromkeys(others) if other not in {"", ".", "..", value}]


def _with_variable(control: Control, name: str, value: str) -> SimulatedRequest:
    route, request = control.route, control.request
    path, mark, query = request.target.partition(b"?")
    parts = path[1:].split(b"/")
    for place, segment in enumerate(route.segments):
        if isinstance(segment, Variable) and segment.name == name:
            parts[place] = value.encode()
    return replace(request, target=b"/" + b"/".join(parts) + mark + query)


def _owns(control: Control, request: SimulatedRequest) -> bool:
    head = RequestHead(request.method, request.host, request.target, ())
    match = find_route(head, control.sandbox.settings.policy)
    return isinstance(match, Match) and match.route is control.route


def forge_scopes(control: Control) -> Iterator[Forgery]:
    """Yield tokens that lack a scope, have a forbidden one, or misspell one."""
    rule = control.route.scopes
    if rule is None:
        return
    expression, implies = rule.expression, control.sandbox.settings.policy.scope_implies
    held = _scopes_of(control)
    for scope, rest in too_few(expression, held, implies):
        yield _with_scopes(control, "scope-missing", scope, "RFC 6749 §3.3", rest)
    for scope, more in too_many(expression, held, implies):
        yield _with_scopes(control, "scope-forbidden", scope, "RFC 6749 §3.3", more)
    if scopes_hold(expression, frozenset()):
        return
    least = reduce(expression, held, implies)
    for scope in sorted(least):
        for variant, text in _near_scopes(scope).items():
            near = (least - {scope}) | set(text.split(" "))
            if not scopes_hold(expression, grant(near, implies)):
                said = f"{scope}, {variant}"
                yield _with_scopes(control, "scope-near", said, "CVE-2021-32701", near)
    yield from _scopes_elsewhere(control, least)


def _scopes_elsewhere(control: Control, least: frozenset[str]) -> Iterator[Forgery]:
    """Yield tokens that have the scopes in another claim or form."""
    listed = sorted(least)
    source = "RFC 6749 §3.3, RFC 9068 §2.2.3"
    bare = _bare(control)
    read = {source.path[0] for source in control.issuer.scopes_from}
    others = {"scopes", "permissions", "roles", "scope", "scp", "SCOPE", "Scope", "scope "} - read
    for claim in sorted(others):
        token = _sign(control, {**bare, claim: " ".join(listed)})
        yield Forgery(
            "scope-elsewhere", repr(claim), source, token, _scope_reasons(control), _SCOPE_GUARD
        )
    joined: dict[str, object] = {
        "by line ends": "\n".join(listed), "by tabs": "\t".join(listed),
        "by commas": ",".join(listed), "by plus signs": "+".join(listed),
    }  # fmt: skip
    for variant, text in joined.items() if len(listed) > 1 else ():
        yield _forged_scope(control, "scope-joined", variant, source, text)
    odd: dict[str, object] = {
        "a table": dict.fromkeys(listed, True), "a list in a list": [listed], "true": True,
        "null": None, "one text in a list": [" ".join((*listed, "x"))],
    }  # fmt: skip
    for variant, value in odd.items():
        yield _forged_scope(control, "scope-odd", variant, source, value)


def _near_scopes(scope: str) -> Mapping[str, str]:
    return {
        "in capitals": scope.upper(),
        "the beginning of it": scope[:-1],
        "more than it": f"{scope}s",
        "after something": f"x{scope}",
        "with a comma": f"{scope},",
        "in quotation marks": f'"{scope}"',
        "a star": "*",
        "a star for its end": f"{scope[: len(scope) // 2]}*",
        "encoded": f"%{ord(scope[0]):02X}{scope[1:]}",
    }


def _scopes_of(control: Control) -> frozenset[str]:
    token = control.sent.allow.token
    return frozenset() if token is None else frozenset(token.claims.scopes)


def _bare(control: Control) -> Claims:
    return without_scopes(control.draft.claims, control.issuer.scopes_from)


def _with_scopes(
    control: Control, name: str, variant: str, source: str, scopes: frozenset[str] | set[str]
) -> Forgery:
    claims = with_scopes(_bare(control), control.issuer.scopes_from, sorted(scopes))
    token = _sign(control, claims)
    return Forgery(name, variant, source, token, _scope_reasons(control), _SCOPE_GUARD)


def _forged_scope(control: Control, name: str, variant: str, source: str, value: object) -> Forgery:
    """Return the token with *value* where the issuer has its scopes."""
    path = control.issuer.scopes_from[0].path
    token = _sign(control, with_claim(_bare(control), path, value))
    reasons = _scope_reasons(control) | {Reason.CLAIM_MALFORMED}
    return Forgery(name, variant, source, token, reasons, _SCOPE_GUARD)


def _scope_reasons(control: Control) -> frozenset[Reason]:
    """Return why a token without the right scopes may be refused."""
    reasons = {Reason.SCOPE_MISSING}
    read = {source.path[0] for source in control.issuer.scopes_from}
    if any(test.path[0] in read for test in all_tests(rule for _, rule in _rules(control))):
        reasons.add(Reason.CLAIM_RULE_FAILED)
    claims = control.draft.claims
    audience = claims.get("aud")
    # Without scopes, a token for its own client looks like an ID token.
    if any(audience in (one, [one]) for one in (claims.get("azp"), claims.get("client_id"))):
        reasons.add(Reason.TOKEN_TYPE_MISMATCH)
    return frozenset(reasons)


def forge_authentications(control: Control) -> Iterator[Forgery]:
    """Yield tokens whose user authenticated in a weaker way, or too long ago (RFC 9470)."""
    wanted, at = control.route.step_up, control.sandbox.at
    if wanted is None:
        return
    if wanted.acr_values:
        acr = str(control.draft.claims.get("acr", ""))
        weak: dict[str, object] = {
            "another": "0", "in the other case": acr.swapcase(), "the beginning of it": acr[:-1],
            "more than it": f"{acr}x", "a list of it": [acr], "all in one text": f"{acr} {acr}",
            "null": None, "absent": ABSENT, "empty": "",
        }  # fmt: skip
        for variant, value in weak.items():
            if value not in wanted.acr_values:
                yield _authenticated(control, "step-up-weaker", variant, "acr", value)
    if wanted.max_age_seconds is None:
        return
    last = at - wanted.max_age_seconds
    old: dict[str, object] = {
        "a second too old": last - 1, "a day too old": last - 86400, "in 1970": 0,
        "in the future": at + control.issuer.leeway_seconds + 60, "a text": str(int(at)),
        "true": True, "a list of it": [int(at)], "null": None, "absent": ABSENT,
    }  # fmt: skip
    for variant, value in old.items():
        yield _authenticated(control, "step-up-older", variant, "auth_time", value)


def _authenticated(control: Control, name: str, variant: str, claim: str, value: object) -> Forgery:
    weak = claim == "acr"
    reason = Reason.AUTHENTICATION_TOO_WEAK if weak else Reason.AUTHENTICATION_TOO_OLD
    tested = any(test.path[0] == claim for _, rule in _rules(control) for test in all_tests([rule]))
    reasons = frozenset({reason, Reason.CLAIM_RULE_FAILED} if tested else {reason})
    token = _sign(control, with_claim(control.draft.claims, (claim,), value))
    guard = Guard(None, ("require", "acr" if weak else "max_age"))
    return Forgery(name, variant, "RFC 9470 §5", token, reasons, guard)


def forge_revoked(control: Control) -> Iterator[Forgery]:
    """Yield the token with the `jti` of a revoked one."""
    for rule in control.sandbox.settings.policy.revocations.get(control.issuer.name, ()):
        token = _sign(control, {**control.draft.claims, "jti": revoked_id(rule.name)})
        reasons = frozenset({Reason.TOKEN_REVOKED})
        guard = Guard(control.issuer.name, ())
        yield Forgery("revoked", rule.name, "RFC 7009 §2", token, reasons, guard)


def forge_of_others(control: Control) -> Iterator[Forgery]:
    """Yield valid tokens of issuers that the route does not accept."""
    accepted, sandbox, draft = control.route.issuers, control.sandbox, control.draft
    if accepted is None:
        return
    for name, other in sandbox.settings.issuers.items():
        if name in accepted:
            continue
        issuer, key = other.issuer, sandbox.keys.of(name)
        audiences = (issuer.audiences or frozenset()) | (control.route.audiences or frozenset())
        header = make_header(Persona(name), issuer, key.algorithm, key.kid)
        claims = {**draft.claims, "iss": issuer.issuer, "aud": sorted(audiences) or ["any"]}
        if issuer.trust_domain is not None:
            claims["sub"] = default_subject(name, issuer)
        token = key.sign(header, to_json(claims))
        reasons = frozenset({Reason.ISSUER_NOT_ACCEPTED})
        guard = Guard(None, ("require", "issuers"))
        yield Forgery("issuer-not-accepted", name, "RFC 8725 §3.8", token, reasons, guard)


def _sign(control: Control, claims: Claims) -> bytes:
    return control.draft.key.sign(control.draft.header, to_json(claims))
