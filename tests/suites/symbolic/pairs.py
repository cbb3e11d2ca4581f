"""Random pairs of access rules, random tokens, and what the real decision says about both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from gateway.decision.decide import decide, find_route
from gateway.decision.head import RequestHead
from gateway.decision.keys import Key, KeySet
from gateway.decision.policy import Issuer, Policy, Profile, ScopeSource
from gateway.decision.revocation import Revocation, RevocationList, RevocationRule
from gateway.decision.routes.routing import Match, Route
from gateway.decision.rules.claim_tests import (
    ClaimRule,
    compile_claim_group,
    compile_claim_test,
)
from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, ScopeExpression, compile_scopes
from gateway.decision.rules.step_up import StepUp
from gateway.decision.verdict import Allow
from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import revoked_id
from gateway.suites.symbolic.access import Access, Witness
from tests.decision.policies import issuer, policy, route
from tests.suites.worlds import AT, load
from tests.tokens import make_private, mint

TOKENS = 12  # for each pair

SCOPES = ("read", "write", "audit", "admin")
TEXTS = ("acme", "globex", "a-b", "u-acme", "x@a", "")
VALUES: tuple[Any, ...] = (
    *TEXTS, 1, 2.5, 3, True, False, ["acme"], ["acme", "globex"], [1], {"id": "acme"}, {}, [],
)  # fmt: skip
PATHS = (("tenant",), ("roles",), ("level",), ("org", "id"), ("org",), ("sub",), ("scope",))
GLOBS = ("*", "acme*", "*-b", "u-*", "a?*", "*@a", "a*e", "{path.a}*", "u-{path.b}", "?")
OPERANDS = (*VALUES, "{path.a}", "{path.b}", "u-{path.a}", ["{path.a}", "globex"])
SEGMENTS = ("s", "t", "acme", "globex", "a-b", "u-acme")
PATH = "/o/{a}/{b}"
ISSUERS = {"main": "https://main.example", "partner": "https://partner.example"}
NAMES = (*ISSUERS.values(), "https://alias.example")
ALGORITHMS = ("EdDSA", "ES256")
KINDS = {"EdDSA": "Ed25519", "ES256": "ES256", "Ed25519": "Ed25519", "ES384": "ES384"}


@cache
def base() -> Settings:
    """Return settings to put policies into."""
    with TemporaryDirectory() as folder:
        return load(Path(folder))


def key_set(number: int, algorithms: Sequence[str] = ALGORITHMS) -> KeySet:
    private = {one: make_private(KINDS[one], number) for one in algorithms}
    return KeySet(
        tuple(Key(one, frozenset({one}), key.public_key()) for one, key in private.items())
    )


KEYS = {name: key_set(number) for number, name in enumerate(ISSUERS)}
LISTS = {
    name: RevocationList([Revocation((("jti", revoked_id(name)),), float("inf"), float("inf"))])
    for name in ("blocked", "stolen")
}


def make_settings(rules: Policy) -> Settings:
    """Return settings that only have an access policy, and the lists that it names."""
    blocked = base().revocations["blocked"]
    names = {rule.name for rules in rules.revocations.values() for rule in rules}
    lists = {name: replace(blocked, location=f"https://lists.example/{name}") for name in names}
    return replace(base(), policy=rules, revocations=lists)


def access(settings: Settings, segments: Sequence[str] = ("s", "t"), **fields: Any) -> Access:
    """Return who may send the request with these *segments*."""
    request = request_of(segments)
    head = RequestHead("GET", request.host, request.target, ())
    match = find_route(head, settings.policy)
    found = match if isinstance(match, Match) else None
    return Access(settings, found, {0: "o"}, request=request, **fields)


def request_of(segments: Sequence[str]) -> SimulatedRequest:
    target = "/o/" + "/".join(quote(one, safe="") for one in segments)
    return SimulatedRequest("GET", "h", "h", target.encode())


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """One caller as it sends its requests: a witness, on a path with these *segments*."""

    caller: Witness
    segments: Sequence[str]

    def is_let_in(self, settings: Settings) -> bool:
        """Return whether the real decision allows the request."""
        sources = access(settings, self.segments).route
        second = None if self.caller.second is None else bearers(self.caller.second, settings)
        credentials = bearers(self.caller, settings)
        has_sources = sources is not None and sources.sources is not None
        head = RequestHead(
            "GET",
            "h",
            request_of(self.segments).target,
            credentials,
            also=(second or ()) if has_sources else None,
        )
        verdict = decide(head, settings.policy, KEYS, AT, revocations=LISTS)
        return isinstance(verdict, Allow)


def bearers(caller: Witness, settings: Settings) -> tuple[bytes, ...]:
    """Return the value of Authorization; whoever the issuer is in *settings* has signed."""
    if caller.iss is None:
        return ()
    found = settings.policy.issuers.get(str(caller.claims.get("iss")))
    number = 0 if found is None else list(ISSUERS).index(found.name)
    forged = 7 if caller.attack is not None else 0
    algorithm = caller.algorithm or "EdDSA"
    private = make_private(KINDS[algorithm], number + forged)
    token = mint(private, algorithm, caller.claims, algorithm, {"typ": caller.typ})
    return (b"Bearer " + token,)


# --- rules


def scope_rules() -> st.SearchStrategy[ScopeExpression]:
    leaves: st.SearchStrategy[ScopeExpression] = st.sampled_from(SCOPES)
    return st.recursive(
        leaves,
        lambda inner: st.builds(
            lambda kind, parts: kind(tuple(parts)),
            st.sampled_from([AllOf, AnyOf, NoneOf]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=5,
    )


@st.composite
def claim_tests(draw: st.DrawFn, with_variables: bool = True) -> ClaimRule:
    path = draw(st.sampled_from(PATHS))
    operands = OPERANDS if with_variables else VALUES
    operator = draw(
        st.sampled_from(
            ["equals", "equals", "not_equals", "in", "contains", "matches", "at_least", "exists"]
        )
    )
    operand: Any = draw(st.sampled_from(operands))
    if operator == "in":
        operand = draw(st.lists(st.sampled_from(operands), min_size=1, max_size=4))
    elif operator == "matches":
        globs = [one for one in GLOBS if with_variables or "{" not in one]
        operand = draw(st.sampled_from(globs))
    elif operator == "at_least":
        operand = draw(st.sampled_from([0, 1, 2, 2.5, 3]))
    elif operator == "exists":
        operand = draw(st.booleans())
    return compile_claim_test(path, operator, operand)


def claim_rules(with_variables: bool = True) -> st.SearchStrategy[ClaimRule]:
    return st.recursive(
        claim_tests(with_variables),
        lambda inner: st.builds(
            compile_claim_group,
            st.sampled_from(["any", "all", "not"]),
            st.lists(st.lists(inner, min_size=1, max_size=2), min_size=1, max_size=3),
        ),
        max_leaves=4,
    )


@st.composite
def trusted(draw: st.DrawFn, name: str) -> Issuer:
    audiences = st.sets(st.sampled_from(["orders", "shop"]), min_size=1).map(frozenset)
    sources = [(ScopeSource(("scope",)), ScopeSource(("scp",))), (ScopeSource(("roles",)),)]
    return issuer(
        name=name,
        issuer=ISSUERS[name],
        audiences=draw(st.none() | audiences),
        algorithms=draw(st.sampled_from([frozenset({"EdDSA"}), frozenset(ALGORITHMS)])),
        profile=draw(st.sampled_from([Profile.ANY, Profile.ANY, Profile.RFC9068])),
        leeway_seconds=draw(st.sampled_from([0.0, 30.0])),
        reports=draw(st.integers(0, 9)) == 9,
        claims=tuple(draw(st.lists(claim_rules(False), max_size=1))),
        scopes_from=draw(st.sampled_from(sources)),
        id_token_signals=draw(
            st.sampled_from([frozenset(), frozenset({"nonce", "token_use"}), frozenset({"azp"})])
        ),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    main, partner = draw(trusted("main")), draw(trusted("partner"))
    aliased = draw(st.sampled_from(["", "main", "partner"]))
    if aliased == "main":
        main = replace(main, also_issued_as=(NAMES[2],))
    if aliased == "partner":
        partner = replace(partner, also_issued_as=(NAMES[2],))
    one = draw(routes())
    listed = [
        RevocationRule(name, frozenset(ISSUERS), refuses_without=True)
        for name in draw(st.sets(st.sampled_from(["blocked", "stolen"])))
    ]
    implied = st.sets(st.sampled_from(["read", "write"])).map(frozenset)
    implies = draw(st.dictionaries(st.sampled_from(["admin", "audit"]), implied, max_size=2))
    made = policy(one, issuers=(main, partner), implies=implies, revocations=listed)
    also = {name: found for found in (main, partner) for name in found.also_issued_as}
    return replace(made, issuers={**made.issuers, **also})


@st.composite
def routes(draw: st.DrawFn) -> Route:
    rule = draw(st.none() | scope_rules())
    kind = draw(st.sampled_from([*["rules"] * 12, "public", "optional", "report"]))
    step_up = StepUp(
        draw(st.sampled_from([(), ("strong",), ("strong", "weak")])),
        draw(st.sampled_from([None, 60, 300])),
    )
    is_public = kind == "public"
    return route(
        PATH,
        public=is_public,
        optional=kind == "optional",
        reports=kind == "report",
        issuers=draw(st.sampled_from([None, None, frozenset({"main"}), frozenset({"partner"})])),
        audiences=draw(st.sampled_from([None, None, frozenset({"orders"}), frozenset({"shop"})])),
        scopes=None if rule is None else compile_scopes(rule),
        claims=tuple(draw(st.lists(claim_rules(), max_size=2))),
        step_up=draw(st.sampled_from([None, step_up])),
    )


@st.composite
def edited(draw: st.DrawFn, before: Policy) -> Policy:
    """*before* with one part of it as in another policy: what people do to a file."""
    other = draw(policies())
    part = draw(st.sampled_from(["route", "scopes", "claims", "issuers", "implies"]))
    old, new = before.routes.routes[0], other.routes.routes[0]
    if part == "issuers":
        return replace(before, issuers=other.issuers)
    if part == "implies":
        return replace(before, scope_implies=other.scope_implies)
    if part != "route":
        new = replace(old, **{part: getattr(new, part)})
    made = policy(new, issuers=before.trusted, implies=before.scope_implies)
    return replace(before, routes=made.routes)


def pairs() -> st.SearchStrategy[tuple[Policy, Policy]]:
    unlike = st.tuples(policies(), policies())
    return unlike | policies().flatmap(lambda one: st.tuples(st.just(one), edited(one)))


# --- tokens


@st.composite
def callers(draw: st.DrawFn, like: Sequence[Witness]) -> Sent:
    """A caller with any token, or one like those of *like*, with some claims changed."""
    segments = [draw(st.sampled_from(SEGMENTS)), draw(st.sampled_from(SEGMENTS))]
    is_like = draw(st.sampled_from([False, True, True, True]))
    if like and is_like:
        base: Witness = draw(st.sampled_from(like))
        for at, text in base.segments.items():
            segments[at - 1] = text
    else:
        base = Witness("somebody", NAMES[0], usual(draw(st.sampled_from(NAMES))), "JWT", "EdDSA")
    claims = dict(base.claims)
    for name in draw(st.lists(st.sampled_from(sorted(CHANGES)), max_size=3)):
        value = draw(st.sampled_from(CHANGES[name]))
        claims.pop(name, None)
        if value is not ...:
            claims[name] = value
    algorithm = draw(st.sampled_from([base.algorithm, *ALGORITHMS]))
    typ = draw(st.sampled_from([base.typ, base.typ, "JWT", "at+jwt"]))
    attack = draw(st.sampled_from([base.attack, base.attack, base.attack, "signature"]))
    return Sent(replace(base, claims=claims, typ=typ, algorithm=algorithm, attack=attack), segments)


def usual(iss: str) -> Mapping[str, Any]:
    return {
        "iss": iss, "aud": "orders", "sub": "alice", "exp": AT + 300, "iat": AT,
        "jti": "token-1", "client_id": "shop-client",
    }  # fmt: skip


_TEXT_OR_LIST = (..., *VALUES)
CHANGES: Mapping[str, Sequence[Any]] = {
    "tenant": _TEXT_OR_LIST,
    "roles": (*_TEXT_OR_LIST, ["read"], "read write", ["admin", "acme"]),
    "level": _TEXT_OR_LIST,
    "org": (*_TEXT_OR_LIST, {"id": 2}, {"id": ["acme"]}, {"id": "u-acme", "name": "x"}),
    "sub": (..., "acme", "alice", "u-acme", 7, ""),
    "scope": (..., "read", "write", "read write", "admin", "audit", "acme", ["read"], 7, ["a b"]),
    "aud": (..., "orders", "shop", ["orders", "shop"], "other", []),
    "iss": NAMES,
    "exp": (AT + 300, AT - 10, AT - 40, ...),
    "nbf": (..., AT + 10, AT + 40),
    "jti": ("token-1", revoked_id("blocked"), revoked_id("stolen"), ...),
    "nonce": (..., "n", None),
    "token_use": (..., "id", "access"),
    "azp": (..., "orders", "shop"),
    "acr": (..., "strong", "weak", 1),
    "auth_time": (..., AT, AT - 100, AT - 1000, AT + 10, True),
}


def like_those(openings: Iterator[object]) -> list[Witness]:
    return [one for one in openings if isinstance(one, Witness) and one.iss is not None]
