"""The decision: every step in its order, and the answer that says why."""

from typing import Any

import pytest

from gateway.decision.decide import decide
from gateway.decision.keys import KeySet
from gateway.decision.policy import Policy, Profile
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Route
from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.decision.rules.scopes import AllOf, AnyOf, compile_scopes
from gateway.decision.rules.step_up import StepUp
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import Authenticated, KeySets, authenticate
from gateway.decision.verdict import (
    Allow,
    Deny,
    NeedCredentials,
    NeedIntrospection,
    NeedKeys,
    NeedSession,
    Publish,
    Verdict,
    WantedKey,
)
from tests.decision.policies import ISSUER, NOW, claims, head, issuer, policy, route
from tests.tokens import as_key, make_key, make_private, mint

PRIVATE, KEYS = make_key("ES256")
OTHER_ISSUER = "https://partner.example/"
READ = compile_scopes(AllOf(("orders:read",)))
ADMIN = compile_scopes(AnyOf(("admin", "orders:admin")))

POLICY = policy(
    route("/public", public=True),
    route("/any"),
    route("/optional", optional=True, scopes=READ),
    route("/orders", scopes=READ),
    route("/admin", scopes=ADMIN),
    route("/partner", issuers=frozenset({"partner"})),
    route("/main", issuers=frozenset({"main"}), methods=frozenset({"GET", "HEAD"})),
    route(
        "/tenants/{tenant}",
        claims=(
            compile_claim_test(("tenant",), "equals", "{path.tenant}"),
            compile_claim_test(("level",), "at_least", 2),
        ),
    ),
    issuers=(
        issuer(),
        issuer(name="partner", issuer=OTHER_ISSUER, audiences=None, algorithms={"ES256", "RS256"}),
    ),
    implies={"boss": frozenset({"admin", "orders:read"})},
)
ALL_KEYS = {"main": KEYS, "partner": make_key("ES256", which=1)[1]}


def bearer(**changes: Any) -> bytes:
    return b"Bearer " + mint(PRIVATE, "ES256", claims(**changes))


def ask(target: bytes, *authorization: bytes, method: str = "GET", now: float = NOW) -> Verdict:
    return decide(head(target, *authorization, method=method), POLICY, ALL_KEYS, now)


def reason(verdict: Verdict) -> Reason | None:
    match verdict:
        case Allow():
            return None
        case Deny():
            return verdict.reason
        case NeedKeys() | NeedIntrospection():
            return verdict.deny.reason
        case Publish() | NeedSession() | NeedCredentials():
            raise AssertionError("nothing is published here, and nobody logs in")


def test_a_good_token_is_allowed_with_its_identity() -> None:
    verdict = ask(b"/orders?q=1", bearer())

    assert isinstance(verdict, Allow)
    assert verdict.route.name == "/orders"
    assert verdict.target == b"/orders?q=1"
    assert verdict.identity_fields == (
        b"X-Gateway-Subject: alice\r\nX-Gateway-Scopes: orders:read\r\n"
    )
    assert verdict.token is not None
    assert verdict.token.claims.subject == "alice"
    assert verdict.token.log_subject == b'"alice"'
    assert (verdict.token.kid, verdict.token.token_type) == ("k1", "jwt")


@pytest.mark.parametrize("authorization", [(), (b"Bearer x",), (b"a", b"b"), (bearer(),)])
def test_a_public_route_looks_at_no_token_and_sets_no_identity(
    authorization: tuple[bytes, ...],
) -> None:
    verdict = ask(b"/public", *authorization)

    assert isinstance(verdict, Allow)
    assert (verdict.token, verdict.identity_fields) == (None, b"")


@pytest.mark.parametrize(
    ("authorization", "answer"),
    [
        ((), None),
        ((bearer(),), None),
        ((b"",), Reason.TOKEN_MISSING),
        ((b"Basic dXNlcg==",), Reason.TOKEN_MISSING),
        ((b"Bearer x",), Reason.TOKEN_MALFORMED),
        ((bearer(exp=NOW - 100),), Reason.TOKEN_EXPIRED),
        ((bearer(scope="other"),), Reason.SCOPE_MISSING),
    ],
)
def test_where_a_token_is_optional_one_that_is_sent_must_hold(
    authorization: tuple[bytes, ...], answer: Reason | None
) -> None:
    assert reason(ask(b"/optional", *authorization)) is answer


def test_no_token_where_it_is_optional_is_no_identity() -> None:
    verdict = ask(b"/optional")

    assert isinstance(verdict, Allow)
    assert (verdict.token, verdict.identity_fields) == (None, b"")


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        (b"/nowhere", Reason.ROUTE_NOT_FOUND),
        (b"/public/../admin", Reason.PATH_REJECTED),
        (b"/public%2f..%2fadmin", Reason.PATH_REJECTED),
        (b"*", Reason.PATH_REJECTED),
        (b"", Reason.PATH_REJECTED),
        (b"?/public", Reason.PATH_REJECTED),
        (b"http://h/public", Reason.PATH_REJECTED),
        (b"/admin?x=/public", Reason.TOKEN_MISSING),
        (b"/admin?/public", Reason.TOKEN_MISSING),
        (b"/%61dmin", Reason.TOKEN_MISSING),
        (b"/ADMIN", Reason.ROUTE_NOT_FOUND),
        (b"/admin/", Reason.ROUTE_NOT_FOUND),
    ],
)
def test_no_spelling_of_a_path_gets_around_its_route(target: bytes, answer: Reason) -> None:
    """CVE-2019-9901, CVE-2021-29492, CVE-2025-54576, CVE-2026-27587, CVE-2020-8595."""
    assert reason(ask(target)) is answer


def test_a_method_that_the_path_does_not_know_is_told_those_it_knows() -> None:
    """9110.13; also without a token."""
    assert ask(b"/main", method="POST") == Deny(
        Reason.METHOD_NOT_ALLOWED,
        "the path has no route for this method",
        methods=("GET", "HEAD"),
    )


def test_a_refusal_names_its_route_and_all_scopes_it_asks_for() -> None:
    """6750.6."""
    missing, short = ask(b"/admin"), ask(b"/admin", bearer())

    assert isinstance(missing, Deny)
    assert isinstance(short, Deny)
    assert (missing.reason, missing.token) == (Reason.TOKEN_MISSING, None)
    assert short.reason is Reason.SCOPE_MISSING
    assert short.detail == "the route requires any of admin, orders:admin"
    assert short.token is not None
    for deny in (missing, short):
        assert deny.route is not None
        assert deny.route.name == "/admin"
        assert deny.scopes == ("admin", "orders:admin")


def header_changed(**changes: Any) -> bytes:
    return b"Bearer " + mint(PRIVATE, "ES256", claims(), headers=changes)


@pytest.mark.parametrize(
    ("authorization", "answer"),
    [
        (bearer(), None),
        (bearer(scope=...), None),
        (b"Bearer a.b", Reason.TOKEN_MALFORMED),
        (b"Bearer " + b"." * 60_000, Reason.TOKEN_MALFORMED),
        (bearer() + b"=", Reason.TOKEN_MALFORMED),
        (bearer()[:-2], Reason.SIGNATURE_INVALID),
        (header_changed(crit=["x"]), Reason.TOKEN_MALFORMED),
        (header_changed(b64=False), Reason.TOKEN_MALFORMED),
        (bearer(iss=...), Reason.CLAIM_MISSING),
        (bearer(iss=1), Reason.CLAIM_MALFORMED),
        (bearer(iss=None), Reason.CLAIM_MISSING),
        (bearer(iss=ISSUER[:-1]), Reason.ISSUER_UNKNOWN),
        (bearer(iss=ISSUER + "x"), Reason.ISSUER_UNKNOWN),
        (bearer(iss=[ISSUER]), Reason.CLAIM_MALFORMED),
        (header_changed(alg="none"), Reason.ALGORITHM_NOT_ALLOWED),
        (header_changed(alg="nOnE"), Reason.ALGORITHM_NOT_ALLOWED),
        (header_changed(alg="es256"), Reason.ALGORITHM_NOT_ALLOWED),
        (header_changed(alg="RS256"), Reason.ALGORITHM_NOT_ALLOWED),
        (header_changed(alg="HS256"), Reason.ALGORITHM_NOT_ALLOWED),
        (header_changed(kid="other"), Reason.KEY_UNKNOWN),
        (header_changed(kid=None), None),
        (header_changed(typ="application/AT+JWT"), None),
        (header_changed(typ="Application/JWT"), None),
        (header_changed(typ="dpop+jwt"), Reason.TOKEN_TYPE_MISMATCH),
        (bearer(iss=OTHER_ISSUER), Reason.SIGNATURE_INVALID),
        (bearer(exp=...), Reason.CLAIM_MISSING),
        (bearer(exp=None), Reason.CLAIM_MISSING),
        (bearer(nbf=None, iat=None, sub=None, jti=None, client_id=None), None),
        (bearer(aud=None), Reason.CLAIM_MISSING),
        (bearer(exp="1"), Reason.CLAIM_MALFORMED),
        (bearer(exp=NOW - 31), Reason.TOKEN_EXPIRED),
        (bearer(nbf=NOW + 31), Reason.TOKEN_NOT_YET_VALID),
        (bearer(aud="other"), Reason.AUDIENCE_MISMATCH),
        (bearer(nonce="n"), Reason.TOKEN_TYPE_MISMATCH),
    ],
)
def test_a_token_must_hold_in_every_respect(authorization: bytes, answer: Reason | None) -> None:
    """8725.1, 8725.3, 8725.4, 8725.5, 8725.10, CVE-2015-9235, CVE-2024-53861, CVE-2023-48238,
    GHSA-752w-5fwx-jx9f, GHSA-w7vc-732c-9m39, CVE-2025-30204.
    """
    assert reason(ask(b"/any", authorization)) is answer


@pytest.mark.parametrize(
    ("target", "changes", "answer"),
    [
        (b"/main", {}, None),
        (b"/partner", {}, Reason.ISSUER_NOT_ACCEPTED),
        (b"/admin", {"scope": "boss"}, None),
        (b"/admin", {"scope": "bos"}, Reason.SCOPE_MISSING),
        (b"/admin", {"scope": ...}, Reason.SCOPE_MISSING),
        (b"/tenants/acme", {"tenant": "acme", "level": 2}, None),
        (b"/tenants/%61cme", {"tenant": "acme", "level": 2}, None),
        (b"/tenants/acme", {"tenant": "other", "level": 2}, Reason.CLAIM_RULE_FAILED),
        (b"/tenants/acme", {"tenant": "acme", "level": 1}, Reason.CLAIM_RULE_FAILED),
        (b"/tenants/acme", {}, Reason.CLAIM_RULE_FAILED),
    ],
)
def test_a_token_that_holds_must_still_be_good_for_the_route(
    target: bytes, changes: dict[str, Any], answer: Reason | None
) -> None:
    """CVE-2021-27306, CVE-2021-32701, GHSA-4mq7-pvjg-xp2r."""
    verdict = ask(target, bearer(**changes))

    assert reason(verdict) is answer
    if isinstance(verdict, Deny):
        assert verdict.token is not None


@pytest.mark.parametrize(
    ("target", "method", "authorization"),
    [
        (b"/admin", "GET", ()),
        (b"/admin", "GET", (b"Bearer a.b.c", b"Bearer a.b.c")),
        (b"/admin", "GET", (b"Bearer",)),
        (b"/admin", "GET", (b"Bearer a.b",)),
        (b"/main", "POST", ()),
        (b"/nowhere", "GET", ()),
    ],
)
def test_requests_without_a_token_that_holds_make_no_refusal_twice(
    target: bytes, method: str, authorization: tuple[bytes, ...]
) -> None:
    """A flood of them is the cheapest attack of all; it leaves nothing to be collected."""
    first, second = (ask(target, *authorization, method=method) for _ in range(2))

    assert isinstance(first, Deny)
    assert first is second
    assert ask(b"/orders", *authorization) != first


def test_a_refusal_by_a_rule_says_which() -> None:
    verdict = ask(b"/tenants/acme", bearer(tenant="x"))

    assert isinstance(verdict, Deny)
    assert verdict.detail == "the rule does not hold: tenant equals {path.tenant}"


def need(token: bytes, keys: dict[str, KeySet]) -> tuple[str | None, Reason] | Reason | None:
    """Return the key id asked for and the reason meanwhile; or the reason where none is asked."""
    verdict = decide(head(b"/orders", b"Bearer " + token), POLICY, keys, NOW)
    if isinstance(verdict, NeedKeys):
        assert verdict.issuer_name == "main"
        assert verdict.deny.route is not None
        assert verdict.deny.scopes == ("orders:read",)
        return verdict.kid, verdict.deny.reason
    return reason(verdict)


def minted(algorithm: str = "ES256", **changes: Any) -> bytes:
    return mint(PRIVATE, "ES256", claims(), headers={"alg": algorithm, **changes})


@pytest.mark.parametrize(
    ("token", "keys", "answer"),
    [
        (minted(), {}, (None, Reason.KEYS_UNAVAILABLE)),
        (minted(), {"main": KeySet(())}, ("k1", Reason.KEY_UNKNOWN)),
        (minted(kid="new"), ALL_KEYS, ("new", Reason.KEY_UNKNOWN)),
        (minted(kid=None), {"main": KeySet(())}, Reason.KEY_UNKNOWN),
        (minted("RS256"), {}, Reason.ALGORITHM_NOT_ALLOWED),
        (minted("none"), {}, Reason.ALGORITHM_NOT_ALLOWED),
        (minted("RS256", kid="new"), ALL_KEYS, Reason.ALGORITHM_NOT_ALLOWED),
        (minted(), {"main": make_key("ES256", which=1)[1]}, Reason.SIGNATURE_INVALID),
        (minted(), {"main": make_key("RS256")[1]}, Reason.KEY_UNKNOWN),
        (
            minted(),
            {"main": KeySet((as_key(make_private("ES256", 1)), as_key(PRIVATE)))},
            None,
        ),
        (minted(), ALL_KEYS, None),
    ],
)
def test_only_a_key_never_seen_is_asked_for(
    token: bytes, keys: dict[str, KeySet], answer: object
) -> None:
    """CVE-2026-48524: a key id makes a fetch only where a fetch could help."""
    assert need(token, keys) == answer


def test_the_profile_of_the_issuer_is_checked() -> None:
    """9068.1."""
    strict = policy(route("/any"), issuers=(issuer(profile=Profile.RFC9068),))
    plain = mint(PRIVATE, "ES256", claims())
    typed = mint(PRIVATE, "ES256", claims(), headers={"typ": "at+jwt"})

    def answer(token: bytes) -> Reason | None:
        return reason(decide(head(b"/any", b"Bearer " + token), strict, {"main": KEYS}, NOW))

    assert answer(plain) is Reason.TOKEN_TYPE_MISMATCH
    assert answer(typed) is None


def test_the_first_step_that_fails_gives_the_reason() -> None:
    """Path, route, credential, signature, issuer, time, scope: in that order."""
    late, wrong = NOW + 1_000, mint(make_private("ES256", 1), "ES256", claims(scope="x"))

    assert reason(ask(b"//x", bearer(), now=late)) is Reason.PATH_REJECTED
    assert reason(ask(b"/x", b"junk", now=late)) is Reason.ROUTE_NOT_FOUND
    assert reason(ask(b"/partner", b"Bearer x", now=late)) is Reason.TOKEN_MALFORMED
    assert reason(ask(b"/partner", b"Bearer " + wrong, now=late)) is Reason.SIGNATURE_INVALID
    assert reason(ask(b"/partner", bearer(), now=late)) is Reason.ISSUER_NOT_ACCEPTED
    assert reason(ask(b"/admin", bearer(), now=late)) is Reason.TOKEN_EXPIRED


def test_the_table_keeps_its_routes() -> None:
    assert all(isinstance(one, Route) for one in POLICY.routes.routes)
    assert [one.index for one in POLICY.routes.routes] == list(range(8))


def known() -> SignedToken:
    """Return what is made of a good token."""
    token = authenticate(mint(PRIVATE, "ES256", claims()), POLICY, ALL_KEYS)
    assert isinstance(token, SignedToken)
    return token


class Questions:
    """An ``authenticate`` that counts how often it is asked."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, token: bytes, policy: Policy, keys: KeySets) -> Authenticated:
        self.count += 1
        return authenticate(token, policy, keys)


def ask_known(
    token: SignedToken, rules: Policy, keys: KeySets, now: float = NOW, target: bytes = b"/any"
) -> tuple[Verdict, int]:
    """Return the verdict, and how often the token had to be looked at."""
    questions = Questions()
    request = head(target, bearer())._replace(known=token)
    return decide(request, rules, keys, now, questions), questions.count


def test_a_token_that_is_known_is_not_looked_at_again() -> None:
    token = known()

    verdict, count = ask_known(token, POLICY, ALL_KEYS)

    assert isinstance(verdict, Allow)
    assert verdict.token is token
    assert count == 0


SAME_KEYS_ANEW = {**ALL_KEYS, "main": KeySet(KEYS.keys)}


@pytest.mark.parametrize(
    ("rules", "keys", "answer"),
    [
        (policy(route("/any")), ALL_KEYS, None),
        (POLICY, SAME_KEYS_ANEW, None),
        (POLICY, {"main": make_key("ES256", which=1)[1]}, Reason.SIGNATURE_INVALID),
        (POLICY, {}, Reason.KEYS_UNAVAILABLE),
        (policy(route("/any"), issuers=()), ALL_KEYS, Reason.ISSUER_UNKNOWN),
    ],
)
def test_a_token_known_under_other_rules_or_keys_is_looked_at_again(
    rules: Policy, keys: KeySets, answer: Reason | None
) -> None:
    verdict, count = ask_known(known(), rules, keys)

    assert reason(verdict) is answer
    assert count == 1


@pytest.mark.parametrize(
    ("target", "now", "answer"),
    [
        (b"/any", NOW + 329, None),
        (b"/any", NOW + 330, Reason.TOKEN_EXPIRED),
        (b"/admin", NOW, Reason.SCOPE_MISSING),
        (b"/partner", NOW, Reason.ISSUER_NOT_ACCEPTED),
        (b"/tenants/acme", NOW, Reason.CLAIM_RULE_FAILED),
    ],
)
def test_a_token_that_is_known_must_still_be_current_and_good_for_the_route(
    target: bytes, now: float, answer: Reason | None
) -> None:
    verdict, count = ask_known(known(), POLICY, ALL_KEYS, now, target)

    assert reason(verdict) is answer
    assert count == 0


def test_a_public_route_ignores_what_is_known() -> None:
    verdict, _ = ask_known(known(), POLICY, ALL_KEYS, target=b"/public")

    assert isinstance(verdict, Allow)
    assert (verdict.token, verdict.identity_fields) == (None, b"")


def test_without_a_credential_nobody_is_known() -> None:
    """An optional route must not take one request's token for the next one's."""
    request = head(b"/optional")._replace(known=known())

    verdict = decide(request, POLICY, ALL_KEYS, NOW)

    assert isinstance(verdict, Allow)
    assert verdict.token is None


def test_a_path_seen_before_has_the_same_route_whatever_its_query() -> None:
    table = policy(route("/t/{x}", public=True))

    first, second = (
        decide(head(b"/t/%61" + query), table, {}, NOW) for query in (b"?one", b"?two")
    )

    assert isinstance(first, Allow)
    assert isinstance(second, Allow)
    assert first.route is second.route
    assert table.routes.recall((b"/t/%61", "h", "GET")) is not None


def test_refusals_are_not_remembered() -> None:
    """A client that makes paths up would push out those that are asked for."""
    table = policy(route("/a", methods=frozenset({"GET"})))

    for target, method in ((b"/b", "GET"), (b"/a", "PUT"), (b"/a//", "GET")):
        decide(head(target, method=method), table, {}, NOW)
        assert table.routes.recall((target, "h", method)) is None


@pytest.mark.parametrize(
    ("audiences", "answer"),
    [
        (None, None),
        ({"orders-api"}, None),
        ({"other", "orders-api"}, None),
        ({"other"}, Reason.AUDIENCE_MISMATCH),
    ],
)
def test_a_route_may_ask_for_an_audience_of_its_own(
    audiences: set[str] | None, answer: Reason | None
) -> None:
    """9700.3: a token for one API does not open another one behind the same gateway."""
    own = None if audiences is None else frozenset(audiences)
    rules = policy(route("/orders", audiences=own))

    assert reason(decide(head(b"/orders", bearer()), rules, ALL_KEYS, NOW)) is answer


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"acr": "gold", "auth_time": NOW - 60}, None),
        ({"acr": "bronze", "auth_time": NOW - 60}, Reason.AUTHENTICATION_TOO_WEAK),
        ({"acr": "gold", "auth_time": NOW - 901}, Reason.AUTHENTICATION_TOO_OLD),
        # What no log-in can mend is said first.
        ({"acr": "bronze", "scope": ""}, Reason.SCOPE_MISSING),
    ],
)
def test_a_route_may_ask_for_a_better_authentication(
    changes: dict[str, Any], answer: Reason | None
) -> None:
    """9470.1, 9470.2."""
    rules = policy(
        route(
            "/orders", scopes=compile_scopes("orders:read"), step_up=StepUp(("gold", "silver"), 900)
        )
    )

    assert reason(decide(head(b"/orders", bearer(**changes)), rules, ALL_KEYS, NOW)) is answer


@pytest.mark.parametrize(("kid", "keys"), [("k9", KEYS), ("k1", make_key("RS256")[1])])
def test_a_refusal_for_an_unknown_key_says_which_was_wanted(kid: str, keys: KeySet) -> None:
    token = mint(PRIVATE, "ES256", claims(), headers={"kid": kid})
    verdict = decide(head(b"/orders", b"Bearer " + token), POLICY, {"main": keys}, NOW)

    deny = verdict.deny if isinstance(verdict, NeedKeys) else verdict
    assert isinstance(deny, Deny)
    assert deny.reason is Reason.KEY_UNKNOWN
    assert deny.route is not None
    assert deny.wanted_key == WantedKey("main", kid, "ES256")
