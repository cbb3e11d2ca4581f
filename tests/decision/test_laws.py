"""The laws of the decision, each of them one sentence."""

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import jwt
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.decision.decide import decide
from gateway.decision.head import RequestHead
from gateway.decision.keys import KeySet
from gateway.decision.path import Path, parse_path, split_target
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.revocation import Revocation, RevocationList, RevocationRule
from gateway.decision.routes.routing import Match
from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.decision.rules.scopes import AllOf, AnyOf, ScopeExpression, compile_scopes
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import authenticate
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import (
    Allow,
    Deny,
    NeedCredentials,
    NeedIntrospection,
    NeedKeys,
    NeedSession,
    Publish,
    Verdict,
)
from tests.decision.policies import AUDIENCE, ISSUER, NOW, claims, head, issuer, policy, route
from tests.tokens import make_key, mint

PRIVATE, KEYS = make_key("EdDSA")
OTHER_PRIVATE, OTHER_KEYS = make_key("EdDSA", "k2", which=1)
_, IMPOSTOR_KEYS = make_key("EdDSA", which=1)  # under the name of the first key
TRUSTED = issuer(algorithms=frozenset({"EdDSA"}))
LEEWAY = TRUSTED.leeway_seconds


def routes_policy() -> Policy:
    return policy(
        route("/public/*", public=True),
        route("/any"),
        route("/optional", optional=True),
        route("/orders/{id}", scopes=compile_scopes("orders:read")),
        route("/orders/*", scopes=compile_scopes(AllOf(("orders:read", "orders:write")))),
        route("/t/{sub}", claims=(compile_claim_test(("sub",), "equals", "{path.sub}"),)),
        route("/partner", issuers=frozenset({"partner"})),
        route("/any", name="host", hosts=("*.example.com",), scopes=compile_scopes("admin")),
        route("/m", methods=frozenset({"PUT"})),
        issuers=(TRUSTED,),
        implies={"admin": frozenset({"orders:read"})},
    )


POLICY = routes_policy()

TARGETS = st.sampled_from(
    [
        b"/public/x", b"/any", b"/optional", b"/orders/7", b"/orders/7/items", b"/t/alice",
        b"/t/bob", b"/partner", b"/m", b"/public/../any", b"/nowhere", b"/t/%61lice",
        b"/any?x=/public/",
    ]
) | st.binary(max_size=12).map(lambda rest: b"/" + rest)  # fmt: skip
HOSTS = st.sampled_from(["h", "api.example.com", "", "[::1]"])
METHODS = st.sampled_from(["GET", "PUT", "get", ""])
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [..., None, True, 0, 1.5, 2**60, "", "x", [], ["x"], {}, {"a": None}]
)


@st.composite
def tokens(draw: st.DrawFn) -> bytes:
    """Tokens that are good, and tokens with some of their claims or headers odd."""
    names = ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "client_id", "scope", "scp", "nonce"]
    changes = draw(st.dictionaries(st.sampled_from(names), ODD, max_size=2))
    scope = draw(st.sampled_from(["", "orders:read", "orders:read orders:write", "admin"]))
    headers = draw(st.dictionaries(st.sampled_from(["kid", "typ", "crit", "alg"]), ODD, max_size=1))
    known = {name: value for name, value in headers.items() if value is not ...}
    signer = draw(st.sampled_from([PRIVATE, PRIVATE, PRIVATE, OTHER_PRIVATE]))
    exp = NOW + draw(st.integers(-100, 300))
    return mint(signer, "EdDSA", claims(**{"scope": scope, "exp": exp, **changes}), headers=known)


AUTHORIZATIONS = st.one_of(
    st.just(()),
    tokens().map(lambda token: (b"Bearer " + token,)),
    st.lists(st.binary(max_size=20), max_size=2).map(tuple),
    st.binary(max_size=30).map(lambda junk: (b"Bearer " + junk,)),
)
HEADS = st.builds(
    RequestHead, METHODS, HOSTS, TARGETS | st.binary(max_size=12), AUTHORIZATIONS, known=st.none()
)
KEY_SETS = st.sampled_from([{"main": KEYS}, {"main": KEYS}, {"main": OTHER_KEYS}, {}])
TIMES = st.integers(-200, 400).map(lambda seconds: NOW + seconds)


def outline(verdict: Verdict) -> object:
    """Return all that a verdict says, without the objects that say it."""
    match verdict:
        case Allow():
            held = None if verdict.token is None else verdict.token.claims.all
            reported = None if verdict.would_deny is None else outline(verdict.would_deny)
            return verdict.route.name, verdict.target, held, verdict.identity_fields, reported
        case Deny():
            name = None if verdict.route is None else verdict.route.name
            return verdict.reason, verdict.detail, name, verdict.scopes, verdict.methods
        case NeedKeys():
            return verdict.issuer_name, verdict.kid, outline(verdict.deny)
        case NeedIntrospection():
            return verdict.issuer.name, outline(verdict.deny)
        case Publish():
            return verdict.document
        case NeedSession() | NeedCredentials():
            return verdict.route.name


@given(HEADS, KEY_SETS, TIMES | st.floats())
def test_the_decision_answers_every_request_and_never_raises(
    request: RequestHead, keys: dict[str, KeySet], now: float
) -> None:
    """Law 1."""
    assert isinstance(decide(request, POLICY, keys, now), Allow | Deny | NeedKeys)


GOOD_HEADS = st.builds(
    lambda target, token: head(target, *token),
    st.sampled_from([b"/any", b"/optional", b"/orders/7", b"/orders/7/x", b"/t/alice", b"/t/bob"]),
    st.lists(tokens().map(lambda token: b"Bearer " + token), min_size=1, max_size=1),
)


@given(HEADS | GOOD_HEADS, KEY_SETS, TIMES)
def test_without_a_matching_route_and_a_passing_check_there_is_no_allow(
    request: RequestHead, keys: dict[str, KeySet], now: float
) -> None:
    """Law 2."""
    verdict = decide(request, POLICY, keys, now)
    if not isinstance(verdict, Allow):
        return
    path = parse_path(split_target(request.target)[0])
    assert isinstance(path, Path)
    match = POLICY.routes.find(request.host, path.segments, request.method)
    assert isinstance(match, Match)
    assert match.route is verdict.route
    if verdict.token is None:
        assert verdict.route.public or (verdict.route.optional and not request.authorization)
        assert verdict.identity_fields == b""
        return
    token = request.authorization[0].split()[1]
    payload = jwt.api_jws.decode(token, PRIVATE.public_key(), algorithms=["EdDSA"])
    held = json.loads(payload)
    scope = held.get("scope")
    granted = {"orders:read"} if scope == "admin" else set()
    granted |= set(scope.split()) if isinstance(scope, str) else set()
    granted |= set(held.get("scp") or ())
    assert keys == {"main": KEYS}
    assert held["iss"] == ISSUER
    assert AUDIENCE in held["aud"]
    assert now < held["exp"] + LEEWAY
    assert set(verdict.route.scopes.wanted if verdict.route.scopes else ()) <= granted
    assert verdict.route.name != "/partner"
    assert not verdict.route.claims or match.variables["sub"] == held["sub"]


SCOPES = ["a", "b", "c"]
RULES: st.SearchStrategy[ScopeExpression] = st.recursive(
    st.sampled_from(SCOPES),
    lambda inner: st.builds(
        lambda kind, parts: kind(tuple(parts)),
        st.sampled_from([AllOf, AnyOf]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)


def allowed(rule: ScopeExpression, scopes: set[str], now: float = NOW, **changes: Any) -> bool:
    token = mint(PRIVATE, "EdDSA", claims(scope=" ".join(sorted(scopes)), **changes))
    ruled = policy(
        route("/orders", scopes=compile_scopes(rule)),
        issuers=(TRUSTED,),
        implies={"a": frozenset({"b"})},
    )
    return isinstance(
        decide(head(b"/orders", b"Bearer " + token), ruled, {"main": KEYS}, now), Allow
    )


@given(RULES, RULES, st.sets(st.sampled_from(SCOPES)), st.sets(st.sampled_from(SCOPES)))
def test_less_scope_or_a_stricter_rule_never_turns_deny_into_allow(
    rule: ScopeExpression, more: ScopeExpression, scopes: set[str], fewer: set[str]
) -> None:
    """Law 3, for rules that forbid no scope."""
    if allowed(AllOf((rule, more)), scopes):
        assert allowed(rule, scopes)
    if allowed(rule, scopes & fewer):
        assert allowed(rule, scopes)


@given(TIMES, st.integers(0, 300), st.integers(-50, 100), st.integers(-50, 100))
def test_waiting_never_turns_deny_into_allow_once_nbf_has_passed(
    now: float, wait: int, nbf: int, iat: int
) -> None:
    """Law 3."""
    assume(now + LEEWAY >= NOW + max(nbf, iat))

    if allowed("a", {"a"}, now + wait, nbf=NOW + nbf, iat=NOW + iat):
        assert allowed("a", {"a"}, now, nbf=NOW + nbf, iat=NOW + iat)


NAMED = st.dictionaries(
    st.sampled_from(["sub", "jti", "client_id", "iss"]),
    st.sampled_from(["alice", "token-1", "shop", ISSUER, "x"]),
    min_size=1,
).map(lambda claims: tuple(sorted(claims.items())))
MOMENTS = st.integers(-100, 400).map(lambda seconds: NOW + seconds) | st.just(math.inf)
REVOCATIONS = st.builds(Revocation, NAMED, MOMENTS, MOMENTS)
LISTS = st.none() | st.lists(REVOCATIONS, max_size=3)
RULE = RevocationRule("blocked", frozenset({"main"}), refuses_without=True)
REVOKING_POLICY = replace(POLICY, revocations={"main": (RULE,)})


@given(HEADS | GOOD_HEADS, KEY_SETS, TIMES, LISTS, LISTS)
def test_revoking_never_turns_deny_into_allow(
    request: RequestHead,
    keys: dict[str, KeySet],
    now: float,
    some: list[Revocation] | None,
    more: list[Revocation] | None,
) -> None:
    """Law 3: nor does a list that is not at hand, where that refuses."""
    fewer = RevocationList(some or ())
    lists = {} if some is None or more is None else {"blocked": RevocationList([*some, *more])}

    without = decide(request, POLICY, keys, now)
    before = decide(request, REVOKING_POLICY, keys, now, authenticate, {"blocked": fewer})
    after = decide(request, REVOKING_POLICY, keys, now, authenticate, lists)

    if isinstance(after, Allow):
        assert outline(after) == outline(before) == outline(without)
    if isinstance(before, Allow):
        assert outline(before) == outline(without)


@given(st.integers(0, 300), st.integers(0, 400), st.floats(0, 1, exclude_max=True))
def test_an_entry_with_the_exp_of_its_token_keeps_it_out_for_good(
    lifetime: int, waited: int, fraction: float
) -> None:
    """Law 7: whoever writes `exp` beside `jti` has the token revoked as long as it lives."""
    token = mint(PRIVATE, "EdDSA", claims(exp=NOW + lifetime))
    entry = Revocation((("jti", "token-1"),), NOW + lifetime, math.inf)
    lists = {"blocked": RevocationList([entry])}
    request = head(b"/any", b"Bearer " + token)

    verdict = decide(
        request, REVOKING_POLICY, {"main": KEYS}, NOW + waited + fraction, authenticate, lists
    )

    assert isinstance(verdict, Deny)


@given(HEADS)
def test_the_target_sent_upstream_is_the_path_that_was_matched_byte_for_byte(
    request: RequestHead,
) -> None:
    """Law 4."""
    verdict = decide(request, POLICY, {"main": KEYS}, NOW)

    if isinstance(verdict, Allow):
        assert verdict.target == request.target
        path = parse_path(split_target(verdict.target)[0])
        assert isinstance(path, Path)
        assert verdict.target.startswith(path.raw)


@given(HEADS, st.binary(max_size=12), st.binary(max_size=12))
def test_the_query_never_changes_the_route(request: RequestHead, one: bytes, two: bytes) -> None:
    """Law 5."""
    path, _ = split_target(request.target)

    first, second = (
        decide(request._replace(target=path + b"?" + query), POLICY, {"main": KEYS}, NOW)
        for query in (one, two)
    )

    if isinstance(first, Allow):
        assert isinstance(second, Allow)
        first = first._replace(target=second.target)
    assert outline(first) == outline(second)


@dataclass(frozen=True)
class Turn:
    """One request at one time, under one policy and with one set of keys."""

    token: int
    target: bytes
    host: str
    method: str
    keys: int
    policy: int
    seconds: int
    is_kept_alive: bool  # on a connection that had this token before, or on a new one
    lists: int = 0


# Mostly what is allowed somewhere: only then is there something to remember.
TURNS = st.builds(
    Turn,
    st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5]),
    st.sampled_from(
        [
            b"/any", b"/any", b"/any?x", b"/orders/7", b"/orders/7/items", b"/optional",
            b"/t/alice", b"/t/bob", b"/t/%61lice", b"/public/x", b"/public/../any", b"/nowhere",
        ]
    ),
    st.sampled_from(["h", "h", "api.example.com"]),
    st.sampled_from(["GET", "GET", "GET", "PUT"]),
    st.sampled_from([0, 0, 0, 1, 2, 3, 4]),
    st.integers(0, 1),
    st.sampled_from([0, 0, 0, 40, 70, 95, 200, 329, 331, -40]),
    st.booleans(),
    st.sampled_from([0, 0, 0, 1, 2, 3]),
)  # fmt: skip
SOME_TOKENS = [
    mint(PRIVATE, "EdDSA", claims()),
    mint(PRIVATE, "EdDSA", claims(scope="orders:read orders:write", exp=NOW + 60)),
    mint(OTHER_PRIVATE, "EdDSA", claims(nbf=NOW + 60), "k2"),
    mint(OTHER_PRIVATE, "EdDSA", claims()),
    mint(PRIVATE, "EdDSA", claims(exp="soon")),
    mint(PRIVATE, "EdDSA", claims(aud="other")),
]
SOME_KEYS = [
    {"main": KEYS},
    {"main": OTHER_KEYS},
    {"main": KeySet((*KEYS.keys, *OTHER_KEYS.keys))},
    {"main": IMPOSTOR_KEYS},
    {},
]

SOME_LISTS = [
    {"blocked": RevocationList(())},
    {"blocked": RevocationList([Revocation((("sub", "alice"),), NOW + 60, NOW + 1)])},
    {"blocked": RevocationList([Revocation((("jti", "token-1"),), math.inf, math.inf)])},
    {},
]


def revoking_policy() -> Policy:
    return replace(routes_policy(), revocations={"main": (RULE,)})


def looser_policy() -> Policy:
    return policy(
        route("/any", scopes=compile_scopes("admin")),
        route("/orders/{id}"),
        route("/t/{who}", methods=frozenset({"GET"})),
        issuers=(replace(TRUSTED, audiences=None),),
        implies={"orders:read": frozenset({"admin"})},
    )


def token_of(verdict: Verdict) -> SignedToken | None:
    return verdict.token if isinstance(verdict, Allow | Deny) else None


@settings(max_examples=300)
@given(st.lists(TURNS, min_size=4, max_size=25), st.integers(1, 6))
def test_what_is_remembered_is_invisible(turns: list[Turn], capacity: int) -> None:
    """Law 6: of tokens, paths, and what a client's last request was found to be; lists change."""
    memo = TokenMemo(capacity)
    lasting = (revoking_policy(), looser_policy())
    known: dict[int, SignedToken] = {}

    for turn in turns:
        token, keys, now = SOME_TOKENS[turn.token], SOME_KEYS[turn.keys], NOW + turn.seconds
        request = head(turn.target, b"Bearer " + token, method=turn.method, host=turn.host)
        last = known.get(turn.token) if turn.is_kept_alive else None
        remembering = request._replace(known=last)
        lists = SOME_LISTS[turn.lists]
        verdict = decide(remembering, lasting[turn.policy], keys, now, memo.authenticate, lists)
        fresh = (revoking_policy, looser_policy)[turn.policy]()
        assert outline(verdict) == outline(decide(request, fresh, keys, now, authenticate, lists))
        seen = token_of(verdict)
        if seen is not None:
            known[turn.token] = seen


@given(st.lists(st.integers(-400, 400), min_size=1, max_size=10), st.integers(0, 100))
def test_after_exp_plus_leeway_there_is_no_allow_whatever_was_cached(
    seconds: list[int], lifetime: int
) -> None:
    """Law 7."""
    memo = TokenMemo()
    token = mint(PRIVATE, "EdDSA", claims(exp=NOW + lifetime, iat=...))

    for second in seconds:
        now = NOW + second
        request = head(b"/any", b"Bearer " + token)
        verdict = decide(request, POLICY, {"main": KEYS}, now, memo.authenticate)
        assert isinstance(verdict, Allow) is (now < NOW + lifetime + LEEWAY)


@given(HEADS)
def test_no_part_of_a_token_is_in_what_a_refusal_says(request: RequestHead) -> None:
    """6750.10: its text goes into logs and answers."""
    verdict = decide(request, POLICY, {"main": KEYS}, NOW)

    deny = verdict.deny if isinstance(verdict, NeedKeys) else verdict
    shown = repr(verdict) + repr(request)
    for word in b" ".join(request.authorization).split():
        for part in word.split(b"."):
            if len(part) > 20:
                assert part.decode("latin-1") not in shown
    assert "alice" not in shown.replace("/t/alice", "")
    assert not isinstance(deny, Deny) or deny.detail == deny.detail.strip().rstrip(".")


def test_the_words_of_every_refusal_are_fixed_by_the_policy_and_not_by_the_token() -> None:
    """6750.7, 6750.10: a claim with quotes and line ends never reaches a challenge."""
    odd = mint(PRIVATE, "EdDSA", claims(scope='a"\r\nX: 1', sub="\r\nX: 1"))

    verdict = decide(head(b"/orders/7", b"Bearer " + odd), POLICY, {"main": KEYS}, NOW)

    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.SCOPE_MISSING
    assert (verdict.detail, verdict.scopes) == ("the route requires orders:read", ("orders:read",))
