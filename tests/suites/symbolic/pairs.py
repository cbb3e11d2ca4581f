"""Random pairs of access rules, random tokens, and what the real decision says about both."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from gateway.decision.browser import BrowserFields, LoginRule
from gateway.decision.decide import decide, decide_by_session, find_route
from gateway.decision.head import RequestHead, SessionCredential
from gateway.decision.keys import Key, KeySet
from gateway.decision.policy import Issuer, Policy, Profile, ScopeSource, TenantIssuers
from gateway.decision.revocation import Revocation, RevocationList, RevocationRule
from gateway.decision.routes.routing import (
    Match,
    Place,
    Route,
    RouteTable,
    SecondToken,
    TokenSources,
)
from gateway.decision.rules.claim_tests import ClaimRule, compile_claim_group, compile_claim_test
from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, ScopeExpression, compile_scopes
from gateway.decision.rules.step_up import StepUp
from gateway.decision.tenants import Tenants
from gateway.decision.tokens.authenticate import find_issuer
from gateway.decision.verdict import Allow, Deny, NeedSession, Verdict
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.settings.values.configuration import Settings
from gateway.settings.values.login import (
    LoginSettings,
    Origin,
    SessionSettings,
    SessionStoreKind,
)
from gateway.suites.simulation.answers import as_opaque, simulate_answers
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import revoked_id
from gateway.suites.symbolic.access import Access, Witness
from tests.decision.policies import IDENTITY, issuer, numbered, policy, route
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
ALIAS = "https://alias.example"
PATTERN = "https://cloud.example/{tenantid}"
TENANTS = ("https://cloud.example/acme", "https://cloud.example/globex", "https://cloud.example/x")
NAMES = (*ISSUERS.values(), ALIAS, *TENANTS)
LOGIN = LoginRule("web", frozenset({b"https://h"}), frozenset({b"h"}))
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
    login = LoginSettings(
        "web",
        "main",
        (Origin("https://h", "h"),),
        OAuthClient("web", ClientAuthentication.NONE),
        (),
        None,
        {},
        "/",
        "/oauth",
        (),
        SessionSettings(SessionStoreKind.MEMORY, 60, 60),
        "gateway.yaml:1",
    )
    return replace(base(), policy=rules, revocations=lists, logins={"web": login})


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
    """One caller as it sends its requests: on a path with these *segments*."""

    caller: Witness
    segments: Sequence[str]

    def is_let_in(self, settings: Settings) -> bool:
        """Return whether the real decision allows the request."""
        return isinstance(self.decide(settings), Allow)

    def is_accepted(self, settings: Settings) -> bool:
        """Return whether the real decision allows the request, and reports nothing."""
        verdict = self.decide(settings)
        return isinstance(verdict, Allow) and verdict.would_deny is None

    def is_only_reported(self, settings: Settings) -> bool:
        """Return whether the real decision allows the request, and reports that it would not."""
        return self.is_let_in(settings) and not self.is_accepted(settings)

    def decide(self, settings: Settings) -> Verdict:
        """Return what the real decision says about the request."""
        caller, policy = self.caller, settings.policy
        route = access(settings, self.segments).route
        sources = None if route is None else route.sources
        also = None if sources is None else bearers(caller.second, settings)
        is_read = (caller.place or Place.AUTHORIZATION) in places_of(sources)
        sent = bearers(caller, settings) if is_read or caller.login else ()
        target = request_of(self.segments).target
        head = RequestHead("GET", "h", target, () if caller.login else sent, also=also)
        rest: dict[str, Any] = {"revocations": LISTS, "find_answer": simulate_answers(KEYS)}
        verdict = decide(head, policy, KEYS, AT, **rest)
        if isinstance(verdict, NeedSession):
            session = SessionCredential(caller.login or "", sent if caller.login else ())
            verdict = decide_by_session(head, BROWSER, session, policy, KEYS, AT, **rest)
        return verdict


BROWSER = BrowserFields(b"h", b"https://h", b"same-origin", csrf=b"1")


def places_of(sources: TokenSources | None) -> Collection[Place]:
    return {Place.AUTHORIZATION} if sources is None else sources.places


def bearers(caller: Witness | None, settings: Settings) -> tuple[bytes, ...]:
    """Return the value of Authorization; whoever the issuer is in *settings* has signed."""
    if caller is None or caller.iss is None:
        return ()
    found: Issuer | Deny | None = find_issuer(caller.claims, settings.policy)
    if caller.is_opaque:
        found = settings.policy.named(caller.iss)
    number = list(ISSUERS).index(found.name) if isinstance(found, Issuer) else 0
    forged = 7 if caller.attack is not None else 0
    algorithm = caller.algorithm or "EdDSA"
    private = make_private(KINDS[algorithm], number + forged)
    token = mint(private, algorithm, caller.claims, algorithm, {"typ": caller.typ})
    return (b"Bearer " + (as_opaque(token) if caller.is_opaque else token),)


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
def trusted(draw: st.DrawFn, name: str, kind: str = "plain") -> Issuer:
    audiences = st.sets(st.sampled_from(["orders", "shop"]), min_size=1).map(frozenset)
    sources = [(ScopeSource(("scope",)), ScopeSource(("scp",))), (ScopeSource(("roles",)),)]
    tenants = st.sampled_from([None, frozenset({"acme"}), frozenset({"acme", "globex"})])
    extra: dict[str, Any] = {}
    if kind == "tenants":
        patterns = draw(st.sampled_from([(PATTERN,), (PATTERN, f"{PATTERN}/v2")]))
        extra = {"issuer": PATTERN, "tenants": Tenants(("tenant",), draw(tenants), patterns)}
    if kind == "domain":
        extra = {"trust_domain": "d.example"}
    if kind == "asked":
        extra = {"introspects": True}
    made = issuer(
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
    return replace(made, **extra)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    kinds = st.sampled_from(["plain", "plain", "plain", "tenants", "domain", "asked"])
    main, partner = draw(trusted("main")), draw(trusted("partner", draw(kinds)))
    if partner.tenants is None:
        aliased = draw(st.sampled_from(["", "main", "partner"]))
        main, partner = (
            replace(one, also_issued_as=(ALIAS,)) if one.name == aliased else one
            for one in (main, partner)
        )
    listed = [
        RevocationRule(name, frozenset(ISSUERS), refuses_without=True)
        for name in draw(st.sets(st.sampled_from(["blocked", "stolen"])))
    ]
    implied = st.sets(st.sampled_from(["read", "write"])).map(frozenset)
    implies = draw(st.dictionaries(st.sampled_from(["admin", "audit"]), implied, max_size=2))
    one = draw(routes(asked=("partner",) if partner.introspects else ()))
    made = policy(one, issuers=(main, partner), implies=implies, revocations=listed)
    plain = [one for one in (main, partner) if one.tenants is None]
    names = {name: one for one in plain for name in (one.issuer, *one.also_issued_as)}
    tenants = None if partner.tenants is None else TenantIssuers([partner])
    return replace(made, issuers=names, tenants=tenants)


@st.composite
def routes(draw: st.DrawFn, asked: Sequence[str] = ()) -> Route:
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
        login=draw(st.sampled_from([(), (), (LOGIN,)])),
        introspector=draw(st.sampled_from([None, *asked])),
        sources=None if is_public else draw(st.none() | st.none() | sources()),
    )


@st.composite
def sources(draw: st.DrawFn) -> TokenSources:
    kinds = st.sampled_from([Place.AUTHORIZATION, Place.QUERY])
    places = draw(st.sets(kinds, min_size=1).map(frozenset))
    return TokenSources(places, None, draw(st.none() | seconds()))


@st.composite
def seconds(draw: st.DrawFn) -> SecondToken:
    rule = draw(st.none() | scope_rules())
    return SecondToken(
        "X-Workload",
        draw(st.sampled_from([frozenset({"main"}), frozenset(ISSUERS)])),
        draw(st.sampled_from([None, None, frozenset({"orders"})])),
        None if rule is None else compile_scopes(rule),
        tuple(draw(st.lists(claim_rules(), max_size=1))),
        IDENTITY,
    )


@st.composite
def edited(draw: st.DrawFn, before: Policy) -> Policy:
    """*before* with one part of it as in another policy: what people do to a file."""
    other = draw(policies())
    parts = ["route", "scopes", "claims", "sources", "login", "issuers", "implies"]
    part = draw(st.sampled_from(parts))
    old, new = before.routes.routes[0], other.routes.routes[0]
    if part == "implies":
        return replace(before, scope_implies=other.scope_implies)
    if part == "issuers":
        named = {"issuers", "tenants", "trust_domains", "introspecting", "revocations"}
        before, new = replace(before, **{name: getattr(other, name) for name in named}), old
    elif part != "route":
        new = replace(old, **{part: getattr(new, part)})
    asked = None if new.introspector not in before.introspecting else new.introspector
    new = replace(new, introspector=asked, sources=None if new.public else new.sources)
    return replace(before, routes=RouteTable(numbered([new])))


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
    second = base.second
    if second is not None and draw(st.booleans()):
        name = draw(st.sampled_from(["scope", "aud", "tenant", "iss"]))
        value = draw(st.sampled_from(CHANGES[name]))
        second = replace(second, claims={**second.claims, name: None if value is ... else value})
    made = replace(
        base,
        claims=claims,
        typ=draw(st.sampled_from([base.typ, base.typ, "JWT", "at+jwt"])),
        algorithm=algorithm,
        attack=draw(st.sampled_from([base.attack, base.attack, base.attack, "signature"])),
        login=draw(st.sampled_from([base.login, base.login, "web", None])),
        place=draw(st.sampled_from([base.place, base.place, None, Place.QUERY])),
        second=draw(st.sampled_from([second, second, None])),
        is_opaque=draw(st.sampled_from([base.is_opaque, base.is_opaque, False])),
    )
    if claims.get("iss") != ISSUERS["main"] or made.attack is not None:
        made = replace(made, login=None)  # a session has the token that its issuer gave it
    return Sent(made, segments)


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
    "sub": (..., "acme", "alice", "u-acme", 7, "", "spiffe://d.example/a", "spiffe://e.example/a"),
    "scope": (..., "read", "write", "read write", "admin", "audit", "acme", ["read"], 7, ["a b"]),
    "aud": (..., "orders", "shop", ["orders", "shop"], "other", []),
    "iss": (*NAMES, f"{TENANTS[0]}/v2", ...),
    "exp": (AT + 300, AT - 10, AT - 40, ...),
    "nbf": (..., AT + 10, AT + 40),
    "jti": ("token-1", revoked_id("blocked"), revoked_id("stolen"), ...),
    "cnf": (..., ..., {"jkt": "x"}),
    "token_type": (..., "bearer", "Bearer", "mac"),
    "typ": (..., "ID", "Bearer", "refresh"),
    "nonce": (..., "n", None),
    "token_use": (..., "id", "access"),
    "azp": (..., "orders", "shop"),
    "acr": (..., "strong", "weak", 1),
    "auth_time": (..., AT, AT - 100, AT - 1000, AT + 10, True),
}


def like_those(openings: Iterator[object]) -> list[Witness]:
    return [one for one in openings if isinstance(one, Witness) and one.iss is not None]
