"""Forge tokens whose scopes are almost those that the route asks for."""

from collections.abc import Iterator, Mapping

from gateway.decision.reason import Reason
from gateway.decision.rules.claim_names import ABSENT
from gateway.suites.asking.compact import to_json
from gateway.suites.hostile.attack import Forgery, Guard
from gateway.suites.hostile.control import Control
from gateway.suites.samples.claim_sets import with_claim
from gateway.suites.samples.meaning import grant, scopes_hold
from gateway.suites.samples.scope_sets import reduce, too_few, too_many

_MISSING = frozenset({Reason.SCOPE_MISSING})
_GUARD = Guard(None, ("require", "scopes"))
# Where a test of a route asks for `scope` or `scp` itself, it may refuse as well.
_CLAIMS = frozenset({"scope", "scp"})


def forge_scopes(control: Control) -> Iterator[Forgery]:
    """Yield tokens that lack a scope, have one too many, or have one under another spelling."""
    rule = control.route.scopes
    if rule is None:
        return
    expression, implies = rule.expression, control.stage.settings.policy.scope_implies
    held = _scopes_of(control)
    for scope, rest in too_few(expression, held, implies):
        yield _forged(control, "scope-missing", scope, "RFC 6749 §3.3", " ".join(sorted(rest)))
    for scope, more in too_many(expression, held, implies):
        yield _forged(control, "scope-forbidden", scope, "RFC 6749 §3.3", " ".join(sorted(more)))
    if scopes_hold(expression, frozenset()):
        return
    least = reduce(expression, held, implies)
    for scope in sorted(least):
        for variant, text in _near(scope).items():
            near = (least - {scope}) | set(text.split(" "))
            if not scopes_hold(expression, grant(near, implies)):
                said = " ".join((text, *sorted(least - {scope})))
                yield _forged(control, "scope-near", f"{scope}, {variant}", "CVE-2021-32701", said)
    yield from _elsewhere(control, least)


def _elsewhere(control: Control, least: frozenset[str]) -> Iterator[Forgery]:
    """Yield tokens that have the scopes, but not where or how a scope is granted."""
    listed = sorted(least)
    source = "RFC 6749 §3.3, RFC 9068 §2.2.3"
    bare = {name: value for name, value in control.draft.claims.items() if name not in _CLAIMS}
    for claim in ("scopes", "permissions", "roles", "SCOPE", "Scope", "scope "):
        token = _sign(control, {**bare, claim: " ".join(listed)})
        yield Forgery("scope-elsewhere", repr(claim), source, token, _reasons(control), _GUARD)
    joined: dict[str, object] = {
        "by line ends": "\n".join(listed), "by tabs": "\t".join(listed),
        "by commas": ",".join(listed), "by plus signs": "+".join(listed),
    }  # fmt: skip
    for variant, text in joined.items() if len(listed) > 1 else ():
        yield _forged(control, "scope-joined", variant, source, text)
    odd: dict[str, object] = {
        "a table": dict.fromkeys(listed, True), "a list in a list": [listed], "true": True,
        "null": None, "one text in a list": [" ".join((*listed, "x"))],
    }  # fmt: skip
    for variant, value in odd.items():
        token = _sign(control, {**bare, "scope": value})
        reasons = _reasons(control) | {Reason.CLAIM_MALFORMED}
        yield Forgery("scope-odd", variant, source, token, reasons, _GUARD)


def _near(scope: str) -> Mapping[str, str]:
    return {
        "in capitals": scope.upper(),
        "the beginning of it": scope[:-1],
        "more than it": f"{scope}s",
        "behind something": f"x{scope}",
        "with a comma": f"{scope},",
        "in quotation marks": f'"{scope}"',
        "a star": "*",
        "a star for its end": f"{scope[: len(scope) // 2]}*",
        "encoded": f"%{ord(scope[0]):02X}{scope[1:]}",
    }


def _scopes_of(control: Control) -> frozenset[str]:
    token = control.sent.allow.token
    return frozenset() if token is None else frozenset(token.claims.scopes)


def _forged(control: Control, name: str, variant: str, source: str, scope: object) -> Forgery:
    claims = with_claim(control.draft.claims, ("scp",), ABSENT)
    token = _sign(control, {**claims, "scope": scope})
    return Forgery(name, variant, source, token, _reasons(control), _GUARD)


def _sign(control: Control, claims: Mapping[str, object]) -> bytes:
    return control.draft.key.sign(control.draft.header, to_json(claims))


def _reasons(control: Control) -> frozenset[Reason]:
    tested = any(test.path[0] in _CLAIMS for test in control.route.claims)
    return _MISSING | {Reason.CLAIM_RULE_FAILED} if tested else _MISSING
