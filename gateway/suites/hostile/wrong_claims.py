"""Tokens that the issuer signed for another time, audience or use."""

from collections.abc import Iterator, Mapping

from gateway.decision.policy import Profile
from gateway.decision.reason import Reason
from gateway.decision.rules.claim_names import ABSENT, find_claim
from gateway.decision.rules.claim_tests import all_tests
from gateway.decision.tenants import PLACEHOLDER, Tenants
from gateway.suites.hostile.attack import Forgery, Guard
from gateway.suites.hostile.control import Control
from gateway.suites.samples.claim_sets import with_claim
from gateway.suites.samples.scope_claims import without_scopes
from gateway.suites.simulation.compact import to_json

# In no list of tenants.
_STRANGER = "00000000-0000-0000-0000-00000000dead"

_UNKNOWN = frozenset({Reason.ISSUER_UNKNOWN})
_MALFORMED = frozenset({Reason.CLAIM_MALFORMED})
_MISSING = frozenset({Reason.CLAIM_MISSING})
_EXPIRED = frozenset({Reason.TOKEN_EXPIRED})
_NOT_YET = frozenset({Reason.TOKEN_NOT_YET_VALID})
_KIND = frozenset({Reason.TOKEN_TYPE_MISMATCH})


def forge_issuers(control: Control) -> Iterator[Forgery]:
    """Yield tokens with another `iss` or none, signed with the issuer's own key."""
    iss = str(control.draft.claims.get("iss", control.issuer.issuer))
    slash = iss.removesuffix("/") if iss.endswith("/") else f"{iss}/"
    others: Mapping[str, object] = {
        "unknown": "https://attacker.example/",
        "a slash more or less": slash,
        "in capitals": iss.upper(),
        "the beginning of it": iss[:-1],
        "more than it": f"{iss}x",
        "below the attacker's": f"https://attacker.example/{iss}",
        "before an @": f"{iss}@attacker.example",
        "with a space": f"{iss} ",
        "with a NUL": f"{iss}\0",
        "empty": "",
    }
    known = control.sandbox.settings.policy.trusted
    for variant, value in others.items():
        if not any(one.may_issue(value) for one in known):
            reasons = _UNKNOWN
            source = "CVE-2024-53861, RFC 8725 §3.8"
            yield _forged(control, "wrong-issuer", variant, source, "iss", value, reasons, "issuer")
    odd: Mapping[str, object] = {
        "a list of it": [iss],
        "a number": 1,
        "a table": {iss: 1},
    }
    for variant, value in odd.items():
        source = "RFC 7519 §4.1.1"
        yield _forged(control, "wrong-issuer", variant, source, "iss", value, _MALFORMED, "issuer")
    if control.issuer.trust_domain is not None:
        return  # `sub` says it as well
    source = "RFC 9068 §4"
    for variant, nothing in {"absent": ABSENT, "null": None}.items():
        yield _forged(control, "wrong-issuer", variant, source, "iss", nothing, _MISSING, "issuer")


def forge_subjects(control: Control) -> Iterator[Forgery]:
    """Yield JWT-SVIDs whose `sub` is no SPIFFE ID of the issuer's trust domain.

    Without `iss`, it is the subject that says which issuer's token it is.
    """
    domain = control.issuer.trust_domain
    if domain is None:
        return
    others = {
        "of another trust domain": "attacker.example",
        "of one below it": f"x.{domain}",
        "of one that begins with it": f"{domain}.attacker.example",
    }
    is_named = control.draft.claims.get("iss") is not None
    reasons = _MALFORMED if is_named else _UNKNOWN
    for variant, other in others.items():
        if is_named or other not in control.sandbox.settings.policy.trust_domains:
            yield _of_subject(control, variant, f"spiffe://{other}/workload", reasons)
    subjects = {
        "the trust domain itself": f"spiffe://{domain}",
        "with an empty path": f"spiffe://{domain}/",
        "with an empty segment": f"spiffe://{domain}//workload",
        "with dots": f"spiffe://{domain}/a/../workload",
        "in capitals": f"spiffe://{domain.upper()}/workload",
        "percent-encoded": f"spiffe://{domain}/%77orkload",
        "with a port": f"spiffe://{domain}:8443/workload",
        "with a user": f"spiffe://a@{domain}/workload",
        "with a query": f"spiffe://{domain}/workload?a",
        "with a fragment": f"spiffe://{domain}/workload#a",
        "of another scheme": f"https://{domain}/workload",
        "with a line end": f"spiffe://{domain}/workload\n",
    }
    for variant, value in subjects.items():
        yield _of_subject(control, variant, value, _MALFORMED if is_named else _MISSING)


def _of_subject(
    control: Control, variant: str, subject: str, reasons: frozenset[Reason]
) -> Forgery:
    source = "SPIFFE-ID §2, JWT-SVID §3.1"
    name = "wrong-trust-domain"
    return _forged(control, name, variant, source, "sub", subject, reasons, "issuer")


def forge_tenants(control: Control) -> Iterator[Forgery]:
    """Yield tokens of other tenants, and those whose claims name two."""
    tenants = control.issuer.tenants
    if tenants is None:
        return
    own = str(find_claim(control.draft.claims, tenants.claim))
    other = next((one for one in sorted(tenants.allowed or ()) if one != own), _STRANGER)
    for variant, in_iss, in_claim in (
        ("of another in iss", other, own),
        ("of another in the claim", own, other),
        ("a list with both", own, [own, other]),
        ("a part of it", own, own[:-1]),
        ("a stranger's", _STRANGER, _STRANGER),
        ("in capitals", own.upper(), own.upper()),
        ("with a slash", f"{own}/", f"{own}/"),
        ("below it", f"{own}/x", f"{own}/x"),
        ("above it", f"x/../{own}", f"x/../{own}"),
        ("encoded", f"%2e/{own}", f"%2e/{own}"),
        ("with a query", f"{own}?", f"{own}?"),
        ("with a full-width letter", f"{own}\uff41", f"{own}\uff41"),
        ("with an invisible sign", f"{own}\u200b", f"{own}\u200b"),
        ("with a line break", f"{own}\n", f"{own}\n"),
        ("empty", "", ""),
        ("the placeholder", PLACEHOLDER, PLACEHOLDER),
    ):
        if in_iss == in_claim and tenants.accepts(in_iss):
            continue  # a tenant that is accepted
        for pattern in tenants.patterns:
            iss = pattern.replace(PLACEHOLDER, in_iss)
            yield _of_tenant(control, tenants, variant, iss, in_claim, _UNKNOWN)
    for variant, nothing in {"absent": ABSENT, "null": None}.items():
        iss = str(control.draft.claims["iss"])
        yield _of_tenant(control, tenants, variant, iss, nothing, _MISSING)


def _of_tenant(  # noqa: PLR0913, PLR0917 - all that an attack is made of
    control: Control,
    tenants: Tenants,
    variant: str,
    iss: str,
    tenant: object,
    reasons: frozenset[Reason],
) -> Forgery:
    draft = control.draft
    claims = with_claim(with_claim(draft.claims, ("iss",), iss), tenants.claim, tenant)
    token = draft.key.sign(draft.header, to_json(claims))
    guard = Guard(control.issuer.name, ("tenants",))
    return Forgery("wrong-tenant", variant, "RFC 8725 §3.8", token, reasons, guard)


def forge_times(control: Control) -> Iterator[Forgery]:
    """Yield tokens that have expired, are not yet valid, or never expire."""
    at, leeway = control.sandbox.at, control.issuer.leeway_seconds
    moments: list[tuple[str, str, str, object, frozenset[Reason], str]] = [
        ("expired", "at this moment", "exp", at - leeway, _EXPIRED, "RFC 7519 §4.1.4"),
        ("expired", "an hour ago", "exp", at - leeway - 3600, _EXPIRED, "RFC 7519 §4.1.4"),
        ("expired", "in 1970", "exp", 0, _EXPIRED, "RFC 7519 §4.1.4"),
        ("not-yet-valid", "soon", "nbf", at + leeway + 1, _NOT_YET, "RFC 7519 §4.1.5"),
        ("not-yet-valid", "tomorrow", "nbf", at + leeway + 86400, _NOT_YET, "RFC 7519 §4.1.5"),
        ("from-the-future", "soon", "iat", at + leeway + 1, _NOT_YET, "RFC 7519 §4.1.6"),
        ("from-the-future", "tomorrow", "iat", at + leeway + 86400, _NOT_YET, "RFC 7519 §4.1.6"),
        ("no-end", "", "exp", ABSENT, _MISSING, "RFC 9068 §2.2"),
        ("no-end", "null", "exp", None, _MISSING, "RFC 9068 §2.2"),
    ]  # fmt: skip
    for name, variant, claim, value, reasons, source in moments:
        yield _forged(control, name, variant, source, claim, value, reasons, "leeway")
    later = int(at) + 300
    odd: Mapping[str, object] = {
        "a text": str(later), "a date": "2099-01-01T00:00:00Z", "true": True,
        "a list": [later], "negative": -1, "too large": 2**60, "a table": {"exp": later},
    }  # fmt: skip
    for claim in ("exp", "nbf", "iat"):
        for variant, value in odd.items():
            source = "RFC 7519 §2"
            name = "odd-time"
            text = f"{claim} is {variant}"
            yield _forged(control, name, text, source, claim, value, _MALFORMED, "leeway")


def forge_audiences(control: Control) -> Iterator[Forgery]:
    """Yield tokens that the issuer signed for another API or for none."""
    asked = control.route.audiences or control.issuer.audiences or frozenset({"any-audience"})
    one = min(asked)
    own = (control.issuer.audiences or frozenset()) | (control.route.audiences or frozenset())
    others: Mapping[str, object] = {
        "unknown": "another-api", "in capitals": one.upper(), "the beginning of it": one[:-1],
        "more than it": f"{one}-admin", "with a slash": f"{one}/", "several": ["another-api", "x"],
        "two in one text": f"{one} another-api", "no audience": [], "empty": "", "a star": "*",
    }  # fmt: skip
    reasons = frozenset({Reason.AUDIENCE_MISMATCH})
    source = "CVE-2021-27306, RFC 8725 §3.9"
    for variant, value in others.items():
        if not isinstance(value, str) or value not in own:
            yield _forged(
                control, "wrong-audience", variant, source, "aud", value, reasons, "audiences"
            )
    for variant, value in {"a table": {one: True}, "a number": 1}.items():
        yield _forged(
            control, "wrong-audience", variant, source, "aud", value, _MALFORMED, "audiences"
        )
    missing = reasons | _MISSING
    for variant, nothing in {"": ABSENT, "null": None}.items():
        yield _forged(control, "no-audience", variant, source, "aud", nothing, missing, "audiences")
    yield from _other_audiences(control)


def _other_audiences(control: Control) -> Iterator[Forgery]:
    """Yield tokens for an audience of the issuer that the route does not accept."""
    if control.route.audiences is None or control.issuer.audiences is None:
        return
    reasons = frozenset({Reason.AUDIENCE_MISMATCH})
    for other in sorted(control.issuer.audiences - control.route.audiences):
        claims = with_claim(control.draft.claims, ("aud",), other)
        guard = Guard(None, ("require", "audiences"))
        token = control.draft.key.sign(control.draft.header, to_json(claims))
        source = "CVE-2021-27306, RFC 8707 §2"
        yield Forgery("audience-of-another-route", other, source, token, reasons, guard)


def forge_kinds(control: Control) -> Iterator[Forgery]:
    """Yield other kinds of JWT that the issuer signed, none an access token."""
    draft = control.draft
    is_strict = control.issuer.profile is Profile.RFC9068
    kinds: list[tuple[str, str, dict[str, object], dict[str, object]]] = [
        ("logout-token", "by its type", {"typ": "logout+jwt"}, {"events": {}}),
        ("logout-token", "by its events", {"typ": "JWT"}, {"events": {}}),
        ("security-event", "", {"typ": "secevent+jwt"}, {"events": {}}),
        ("introspection", "by its type", {"typ": "token-introspection+jwt"}, {}),
        ("introspection", "by its claim", {"typ": "JWT"}, {"token_introspection": {}}),
        ("other-type", "a proof of possession", {"typ": "dpop+jwt"}, {}),
        ("other-type", "a key set", {"typ": "jwk-set+jwt"}, {}),
        ("other-type", "almost an access token", {"typ": "at+jwt2"}, {}),
        ("other-type", "of another tree", {"typ": "x-application/at+jwt"}, {}),
        ("other-type", "empty", {"typ": ""}, {}),
    ]
    if is_strict:
        kinds.append(("other-type", "any JWT", {"typ": "JWT"}, {}))
    yield from _forge_id_tokens(control)
    guard = Guard(control.issuer.name, ("profile",))
    for name, variant, header, claims in kinds:
        token = draft.key.sign({**draft.header, **header}, to_json({**draft.claims, **claims}))
        yield Forgery(name, variant, "RFC 8725 §3.11, RFC 9068 §4", token, _KIND, guard)
    if not is_strict:
        return
    untyped = {name: value for name, value in draft.header.items() if name != "typ"}
    token = draft.key.sign(untyped, to_json(draft.claims))
    yield Forgery("other-type", "absent", "RFC 9068 §4", token, _KIND, guard)
    for claim in ("aud", "client_id", "exp", "iat", "jti", "sub"):
        source = "RFC 9068 §2.2"
        yield _forged(control, "claim-absent", claim, source, claim, ABSENT, _MISSING, "profile")


def _forge_id_tokens(control: Control) -> Iterator[Forgery]:
    """Yield the token with each signal of ID tokens that its issuer has not turned off."""
    draft, issuer = control.draft, control.issuer
    audience = draft.claims.get("aud")
    client = audience[0] if isinstance(audience, list) and audience else audience
    bare = without_scopes(draft.claims, issuer.scopes_from)
    signals: Mapping[str, Mapping[str, object]] = {
        "nonce": {"nonce": "n"},
        "at_hash": {"at_hash": "h"},
        "c_hash": {"c_hash": "h"},
        "token_use": {"token_use": "id"},
        "typ": {"typ": "ID"},
        "azp": {**bare, "aud": client, "azp": client},
    }
    header = {**draft.header, "typ": "JWT"}
    for signal, claims in signals.items():
        is_looked_for = signal in issuer.id_token_signals or issuer.profile is Profile.RFC9068
        if not is_looked_for or (signal == "azp" and not isinstance(client, str)):
            continue
        whole = claims if signal == "azp" else {**draft.claims, **claims}
        token = draft.key.sign(header, to_json(whole))
        guard = Guard(issuer.name, ("id_token_signals",))
        source = "RFC 8725 §3.12"
        yield Forgery("id-token", f"by its {signal}", source, token, _KIND, guard)


def _forged(  # noqa: PLR0913, PLR0917 - all that an attack is made of
    control: Control,
    name: str,
    variant: str,
    source: str,
    claim: str,
    value: object,
    reasons: frozenset[Reason],
    setting: str,
) -> Forgery:
    draft = control.draft
    claims = with_claim(draft.claims, (claim,), value)
    token = draft.key.sign(draft.header, to_json(claims))
    if any(test.path[0] == claim for test in all_tests(control.issuer.claims)):
        reasons |= {Reason.CLAIM_RULE_FAILED}
    return Forgery(name, variant, source, token, reasons, Guard(control.issuer.name, (setting,)))
