"""Attacks on every route: none gets through a gateway that holds, and all do somewhere."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from gateway.decision.policy import Profile
from gateway.decision.reason import Reason
from gateway.suites.files.attack_names import NAMES, NOT_ATTACKED, REPORT_MODE
from gateway.suites.hostile.findings import HostileReport, Kind
from gateway.suites.hostile.run_attacks import Campaign
from gateway.suites.selection import parse_selection
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import parse_request
from tests.suites.hostile.sandboxes import WORLD, attack, make_sandbox
from tests.suites.hostile.weak import (
    ANYWHERE,
    FIRST,
    LAST,
    Weakness,
    any_signature,
    configured,
    forgiving,
    keeps_headers,
    keeps_overrides,
    lets_connection_drop,
    like_issuers,
    public_key_is_secret,
    raw_prefixes,
    reading,
    unsigned_is_signed,
    whole_urls,
)

SIGNATURES = """
    alg-none hmac-with-public-key hmac-guessed-secret strange-key kid-trick kid-odd embedded-jwk
    embedded-jwk-set jku jku-near x5u x5c key-of-another-issuer algorithm-not-allowed
    algorithm-swapped signature-stripped signature-of-another payload-changed header-changed
    alg-absent crit b64-false duplicate-claim duplicate-header odd-json re-encoded truncated
    five-parts"""
ENDINGS = """
    path-trailing-slash path-trailing-tab path-trailing-nul path-trailing-line-end
    path-trailing-parameter path-trailing-backslash path-trailing-dot-segment path-fragment
    path-encoded-query"""

# A weakness, and attacks that must get through it.
WEAK: dict[str, tuple[Weakness, str]] = {
    "it looks at no signature": (reading(any_signature), SIGNATURES),
    "none is an algorithm": (reading(unsigned_is_signed), "alg-none"),
    "a public key is a secret": (reading(public_key_is_secret), "hmac-with-public-key"),
    "issuers are compared by their beginnings": (reading(like_issuers), "wrong-issuer"),
    "what cannot be read passes": (
        forgiving(Reason.TOKEN_MALFORMED, Reason.TOKEN_REPEATED),
        "dots json-serialisation five-parts odd-json re-encoded truncated broken-scheme",
    ),
    "no audience is asked for": (
        configured(issuer={"audiences": None}, route={"audiences": None}),
        "wrong-audience no-audience audience-of-another-route",
    ),
    "a route forgets its own audiences": (
        configured(route={"audiences": None}),
        "audience-of-another-route",
    ),
    "any JWT is an access token": (
        configured(issuer={"profile": Profile.ANY}),
        "other-type claim-absent",
    ),
    "the type of a token does not matter": (
        forgiving(Reason.TOKEN_TYPE_MISMATCH),
        "id-token logout-token security-event introspection other-type",
    ),
    "time stands still": (
        forgiving(Reason.TOKEN_EXPIRED, Reason.TOKEN_NOT_YET_VALID),
        "expired not-yet-valid from-the-future",
    ),
    "a long leeway": (
        configured(issuer={"leeway_seconds": 7200.0}),
        "expired not-yet-valid from-the-future",
    ),
    "odd claims pass": (
        forgiving(Reason.CLAIM_MALFORMED, Reason.CLAIM_MISSING),
        "odd-time no-end claim-absent no-audience wrong-audience scope-odd",
    ),
    "scopes are not asked for": (
        configured(route={"scopes": None}),
        "scope-missing scope-forbidden scope-near scope-joined scope-elsewhere",
    ),
    "one scope grants all": (
        configured(
            policy={"scope_implies": {"staff": frozenset({"orders:read", "auditor", "staff"})}}
        ),
        "scope-missing",
    ),
    "claims are not compared": (
        configured(route={"claims": ()}),
        "claim-near-miss path-of-another",
    ),
    "any authentication will do": (
        configured(route={"step_up": None}),
        "step-up-weaker step-up-older",
    ),
    "nothing is ever revoked": (configured(policy={"revocations": {}}), "revoked"),
    "every issuer is good for everything": (
        configured(route={"issuers": None}),
        "issuer-not-accepted",
    ),
    "keys of one issuer serve all": (forgiving(Reason.KEY_UNKNOWN), "key-of-another-issuer"),
    "every algorithm is allowed": (
        configured(
            issuer={"algorithms": frozenset({"ES256", "EdDSA", "ES384", "HS256", "RS512", "ES512"})}
        ),
        "algorithm-not-allowed hmac-with-public-key",
    ),
    "no token is asked for": (
        configured(route={"public": True}),
        "no-token token-elsewhere token-in-query token-in-body other-scheme expired strange-key"
        " host-spelling path-absolute-form path-encoded-letter",
    ),
    "all that is open is of the same service": (
        configured(public={"upstream": "orders"}),
        "path-trailing-slash path-trailing-dot path-trailing-space path-suffix path-other-case"
        " host-replaced",
    ),
    "no token is needed": (
        configured(route={"optional": True}),
        "no-token token-elsewhere token-in-query token-in-body identity-without-token",
    ),
    "a token is found anywhere": (
        ANYWHERE,
        "token-elsewhere token-in-query other-scheme broken-scheme",
    ),
    "a form is as good": (forgiving(Reason.TOKEN_MISSING), "token-in-body"),
    "the last credential counts": (LAST, "two-credentials joined-credentials"),
    "the first credential counts": (FIRST, "two-credentials joined-credentials"),
    "clients name their own headers": (
        keeps_headers,
        "spoofed-identity identity-on-public identity-without-token",
    ),
    "clients drop headers": (lets_connection_drop, "connection-identity"),
    "clients say what they asked for": (keeps_overrides, "override-header"),
    "the beginning of a path decides": (
        raw_prefixes,
        "path-dot-segments path-encoded-slash path-double-encoding path-overlong-encoding"
        " path-backslash path-semicolon path-nul path-tab path-fragment path-absolute-form"
        " path-double-slash",
    ),
    "a public path may stand anywhere": (whole_urls, "path-open-path-in-query"),
    "what no route knows passes": (
        forgiving(
            Reason.PATH_REJECTED,
            Reason.REQUEST_MALFORMED,
            Reason.ROUTE_NOT_FOUND,
            Reason.METHOD_NOT_ALLOWED,
            Reason.NOT_SUPPORTED,
        ),
        f"{ENDINGS} path-no-slash path-method-in-lower-case host-replaced host-override",
    ),
    "letters are one": (forgiving(Reason.TOKEN_MISSING), "path-encoded-letter host-spelling"),
}

# These have tests of their own, with logins.
BY_SESSION = {name for name in NAMES if name.startswith("session-")}
# These as well, by heads of HTTP/2: see test_h2_tricks.
OVER_HTTP_2 = {name for name in NAMES if name.startswith("h2-")}
# And these, with tenants, a trust domain, and a second token.
ELSEWHERE = BY_SESSION | {"wrong-tenant", "wrong-trust-domain", "second-token"}


def caught(report: HostileReport) -> set[str]:
    return {finding.name for finding in report.failures}


def test_nothing_gets_through(tmp_path: Path) -> None:
    report = attack(tmp_path)

    assert report.failures == ()


def test_every_route_that_asks_for_a_token_is_attacked_in_more_than_25_ways(tmp_path: Path) -> None:
    report = attack(tmp_path)
    guarded = [one for one in report.routes if one.callers]

    assert [one.route for one in guarded] == ["read-order", "any", "maybe", "machines"]
    assert all(len(one.counts) > 25 for one in guarded)


def test_every_attack_has_a_name_that_is_told_of(tmp_path: Path) -> None:
    report = attack(tmp_path)
    tried = {name for route in report.routes for name in route.counts}

    assert tried == NAMES.keys() - {NOT_ATTACKED, REPORT_MODE} - ELSEWHERE


def test_two_runs_try_and_say_the_same(tmp_path: Path) -> None:
    """Keys are others in each run; what is tried is not."""
    decide = forgiving(Reason.SCOPE_MISSING, Reason.PATH_REJECTED)
    sandbox, loaded = make_sandbox(tmp_path)

    first, second = (Campaign(sandbox, loaded.places, (), decide(sandbox)).run() for _ in range(2))

    assert first.routes == second.routes
    assert first.failures


@pytest.mark.parametrize("name", WEAK)
def test_a_weakness_is_found_by_the_attacks_that_are_meant_for_it(
    name: str, tmp_path: Path
) -> None:
    weakness, names = WEAK[name]
    expected = set(names.split())
    sandbox, loaded = make_sandbox(tmp_path)

    campaign = Campaign(sandbox, loaded.places, (), weakness(sandbox))
    report = campaign.run(lambda attack: attack.split(" ")[1] in expected)  # after its route

    assert caught(report) == expected


def test_there_is_no_attack_that_cannot_get_through() -> None:
    found = {name for _, expected in WEAK.values() for name in expected.split()}

    assert NAMES.keys() - {NOT_ATTACKED, REPORT_MODE} - ELSEWHERE - OVER_HTTP_2 - found == set()


def cases(*pairs: tuple[Persona, str]) -> list[tuple[Persona, object]]:
    return [(persona, parse_request("GET", url)) for persona, url in pairs]


def test_what_a_suite_is_allowed_is_what_is_changed(tmp_path: Path) -> None:
    robin = Persona("robin", "partner", {"scope": "orders:read", "department": "x"})
    request = parse_request("GET", "https://shop.example/any?page=2")

    report = attack(tmp_path, cases=[(Persona("nobody"), request), (robin, request)])
    any_ = next(one for one in report.routes if one.route == "any")

    assert any_.callers == (None, "robin", None)
    assert report.failures == ()


def test_what_got_through_is_told_with_its_line_and_what_it_was(tmp_path: Path) -> None:
    sandbox, loaded = make_sandbox(tmp_path)
    weak = configured(route={"scopes": None})(sandbox)

    report = Campaign(sandbox, loaded.places, (), weak).run()
    found = next(one for one in report.failures if one.name == "scope-missing")

    lines = WORLD.splitlines()
    assert found.kind is Kind.OPENED
    assert found.route == "read-order"
    assert found.variant == "orders:read"
    assert found.request == "GET api.example/tenants/some-tenant/orders/some-id"
    assert found.text == "allowed by the route read-order"
    assert "scopes:" in lines[found.place.line - 1]
    assert found.place.line == next(n for n, line in enumerate(lines, 1) if "none: [susp" in line)


def test_a_refusal_for_another_reason_is_a_finding(tmp_path: Path) -> None:
    """Whoever refuses for the wrong reason has not looked at what was wrong."""
    sandbox, loaded = make_sandbox(tmp_path)
    weak = configured(issuer={"algorithms": frozenset({"ES256", "EdDSA", "HS256"})})(sandbox)

    report = Campaign(sandbox, loaded.places, (), weak).run()
    found = next(one for one in report.failures if one.name == "hmac-with-public-key")

    assert found.kind is Kind.OTHER_REASON
    assert found.text == "refused for key_unknown; expected algorithm_not_allowed"


NOBODY_CAN = (
    WORLD
    + """\
  - name: never
    match: {path: /never}
    upstream: orders
    require: {claims: {a: {equals: x, not_equals: x}}}
"""
)


def test_a_route_that_allows_nothing_that_is_found_is_not_attacked_and_says_so(
    tmp_path: Path,
) -> None:
    report = attack(tmp_path, NOBODY_CAN)

    [found] = report.failures
    assert (found.kind, found.route, found.name) == (Kind.NOT_ATTACKED, "never", NOT_ATTACKED)
    assert found.place.line == len(NOBODY_CAN.splitlines()) - 3


def reporting(what: str) -> str:
    if what == "a route":
        return WORLD.replace(
            "match: {path: /any}, upstream: orders,",
            "match: {path: /any}, upstream: orders, mode: report,",
        )
    return WORLD.replace("{issuer: ci,", "{issuer: ci, mode: report,")


@pytest.mark.parametrize(
    ("what", "routes", "text"),
    [
        (
            "a route",
            ["any"],
            "the route is in report mode: these requests are allowed, without identity",
        ),
        (
            "an issuer",
            ["any", "machines"],
            "an issuer is in report mode: these requests are allowed, without identity",
        ),
    ],
)
def test_what_only_reports_is_one_finding_for_each_route(
    what: str, routes: list[str], text: str, tmp_path: Path
) -> None:
    report = attack(tmp_path, reporting(what))

    assert [one.route for one in report.failures] == routes
    assert {(one.kind, one.name) for one in report.failures} == {(Kind.REPORTED, REPORT_MODE)}
    assert {one.text for one in report.failures} == {text}


def test_only_what_is_selected_is_tried(tmp_path: Path) -> None:
    sandbox, loaded = make_sandbox(tmp_path)

    report = Campaign(sandbox, loaded.places).run(parse_selection("machines and alg-none"))

    counts = {one.route: dict(one.counts) for one in report.routes if one.counts}
    assert counts.keys() == {"machines"}
    assert counts["machines"].keys() == {"alg-none"}


def shown(reports: Iterable[HostileReport]) -> str:
    return "\n".join(
        f"{one.title} {one.request} {one.text}" for report in reports for one in report.failures
    )


def test_no_part_of_a_token_is_told(tmp_path: Path) -> None:
    sandbox, loaded = make_sandbox(tmp_path)
    reports = [
        Campaign(sandbox, loaded.places, (), weakness(sandbox)).run()
        for weakness, _ in WEAK.values()
    ]

    assert "eyJ" not in shown(reports)
