"""Forge tokens that almost pass the claim tests of a route, and its other demands."""

from collections.abc import Iterator

from gateway.decision.reason import Reason
from gateway.decision.rules.claim_names import ABSENT
from gateway.suites.asking.compact import to_json
from gateway.suites.asking.persona import Persona, make_header
from gateway.suites.hostile.attack import Forgery, Guard
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.stage import revoked_id
from gateway.suites.samples.claim_sets import Claims, with_claim
from gateway.suites.samples.near_misses import near_misses

_FAILED = frozenset({Reason.CLAIM_RULE_FAILED})
# Of claims that the gateway reads itself, another check may be the first to refuse.
_READ = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "scp"})
_ALSO = frozenset(
    {
        Reason.CLAIM_MALFORMED, Reason.CLAIM_MISSING, Reason.ISSUER_UNKNOWN,
        Reason.AUDIENCE_MISMATCH, Reason.TOKEN_EXPIRED, Reason.TOKEN_NOT_YET_VALID,
        Reason.SCOPE_MISSING, Reason.KEY_UNKNOWN, Reason.SIGNATURE_INVALID,
        Reason.ALGORITHM_NOT_ALLOWED,
    }
)  # fmt: skip


def forge_claims(control: Control) -> Iterator[Forgery]:
    """Yield tokens that just miss one claim test, each of them in its turn."""
    claims, variables = control.draft.claims, control.variables
    for test in control.route.claims:
        guard = Guard(None, ("require", "claims", test.claim, test.operator))
        reasons = _FAILED | _ALSO if test.path[0] in _READ else _FAILED
        for variant, missed in near_misses(test, claims, variables):
            text = f"{test.text}: {variant}"
            token = _sign(control, missed)
            yield Forgery("claim-near-miss", text, "CWE-697, CWE-843", token, reasons, guard)


def forge_authentications(control: Control) -> Iterator[Forgery]:
    """Yield tokens whose user was authenticated in a weaker way, or too long ago (RFC 9470)."""
    wanted, at = control.route.step_up, control.stage.at
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
    tested = any(test.path[0] == claim for test in control.route.claims)
    reasons = frozenset({reason, Reason.CLAIM_RULE_FAILED} if tested else {reason})
    token = _sign(control, with_claim(control.draft.claims, (claim,), value))
    guard = Guard(None, ("require", "acr" if weak else "max_age"))
    return Forgery(name, variant, "RFC 9470 §5", token, reasons, guard)


def forge_revoked(control: Control) -> Iterator[Forgery]:
    """Yield the good token where it is on a revocation list."""
    for rule in control.stage.settings.policy.revocations.get(control.issuer.name, ()):
        token = _sign(control, {**control.draft.claims, "jti": revoked_id(rule.name)})
        reasons = frozenset({Reason.TOKEN_REVOKED})
        guard = Guard(control.issuer.name, ())
        yield Forgery("revoked", rule.name, "RFC 7009 §2", token, reasons, guard)


def forge_of_others(control: Control) -> Iterator[Forgery]:
    """Yield good tokens of issuers that the route does not accept."""
    accepted, stage, draft = control.route.issuers, control.stage, control.draft
    if accepted is None:
        return
    for name, other in stage.settings.issuers.items():
        if name in accepted:
            continue
        issuer, key = other.issuer, stage.keys.of(name)
        audiences = (issuer.audiences or frozenset()) | (control.route.audiences or frozenset())
        header = make_header(Persona(name), issuer, key.algorithm, key.kid)
        claims = {**draft.claims, "iss": issuer.issuer, "aud": sorted(audiences) or ["any"]}
        token = key.sign(header, to_json(claims))
        reasons = frozenset({Reason.ISSUER_NOT_ACCEPTED})
        guard = Guard(None, ("require", "issuers"))
        yield Forgery("issuer-not-accepted", name, "RFC 8725 §3.8", token, reasons, guard)


def _sign(control: Control, claims: Claims) -> bytes:
    return control.draft.key.sign(control.draft.header, to_json(claims))
