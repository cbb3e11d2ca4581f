"""Identity headers that do not say who is meant are found."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, routes, warnings
from tests.settings.configs import UPSTREAMS, config

TWO_ISSUERS = """\
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}
  partner: {issuer: "https://partner.example.com/", discovery: true, audiences: [orders]}
"""
TWO_UPSTREAMS = UPSTREAMS + "  other: {servers: ['http://10.0.0.8:8000']}\n"
EVERYBODY = routes("all, match: {path_prefix: /a/}, require: {}")
APART = routes(
    "a, match: {path_prefix: /a/}, require: {issuers: [main]}",
    "b, match: {path_prefix: /b/}, require: {issuers: [partner]}, upstream: other",
)
TOGETHER = APART.replace("other", "orders")


def headers(text: str, issuers: str = TWO_ISSUERS, routes: str = EVERYBODY) -> str:
    upstreams = TWO_UPSTREAMS if "other" in routes else UPSTREAMS
    return config(
        f"identity: {{headers: {text}}}\n", issuers=issuers, upstreams=upstreams, routes=routes
    )


@pytest.mark.parametrize(
    "text",
    [
        headers("{X-Scopes: scope, ¦X-User: sub}"),
        headers("{¦X-Client: client_id}"),
        headers("{¦X-User: sub}", routes=TOGETHER),
    ],
)
def test_people_of_two_issuers_that_a_service_cannot_tell_apart_are_doubtful(
    text: str, tmp_path: Path
) -> None:
    """RFC 7519 §4.1.2: `sub` is unique within its issuer, and need not be beyond."""
    assert_warned(tmp_path, "subject_ambiguous", text)


@pytest.mark.parametrize(
    "text",
    [
        headers("{X-User: sub, X-Issuer: iss}"),
        headers("{X-User: sub}", routes=APART),
        headers("{X-Scopes: scope}"),
        config(issuers=TWO_ISSUERS, routes=EVERYBODY),
    ],
)
def test_where_the_issuer_is_sent_or_is_the_only_one_there_is_no_doubt(
    text: str, tmp_path: Path
) -> None:
    """The default headers have it."""
    assert warnings(tmp_path, text) == ()


ONE_ISSUER = TWO_ISSUERS.rpartition("  partner")[0]


@pytest.mark.parametrize("claim", ["email", "preferred_username", "name", "upn"])
def test_somebody_known_by_what_may_change_alone_is_doubtful(claim: str, tmp_path: Path) -> None:
    """OpenID Connect Core §5.7."""
    text = headers(f"{{X-Scopes: scope, ¦X-User: {claim}}}", issuers=ONE_ISSUER)

    assert_warned(tmp_path, "subject_changeable", text)


@pytest.mark.parametrize("lasting", ["sub", "oid"])
def test_beside_what_lasts_it_is_not(lasting: str, tmp_path: Path) -> None:
    text = headers(f"{{X-Mail: email, X-Id: {lasting}}}", issuers=ONE_ISSUER)

    assert warnings(tmp_path, text) == ()


def test_a_nested_claim_is_another_one(tmp_path: Path) -> None:
    assert warnings(tmp_path, headers("{X-Mail: contact.email}", issuers=ONE_ISSUER)) == ()


@pytest.mark.parametrize(
    "text",
    [
        "{¦X-Gateway-Subject: email, X-Id: oid}",
        "{¦X-Gateway-Subject: preferred_username | upn, X-Id: sub}",
        "{¦x-gateway-subject: '{tid}/{upn}', X-Id: sub}",
        "{X-Id: sub, ¦X-User: sub | email}",
        "{X-Scopes: scope, ¦X-User: '{tid}/{upn}'}",
    ],
)
def test_a_subject_that_users_may_choose_is_doubtful(text: str, tmp_path: Path) -> None:
    """Microsoft's nOAuth: an account is known by an email address that its owner may set."""
    assert_warned(tmp_path, "subject_changeable", headers(text, issuers=ONE_ISSUER))


@pytest.mark.parametrize(
    "text",
    ["{X-Gateway-Subject: oid | sub}", "{X-Gateway-Subject: '{sub} {email}'}", "{X-A: a | b}"],
)
def test_a_subject_that_lasts_is_not(text: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, headers(text, issuers=ONE_ISSUER)) == ()


def own(issuer: str = "", route: str = "", general: str = "{X-User: sub}") -> str:
    """Return a configuration with own headers of its issuer and of its route."""
    issuers = ONE_ISSUER.replace("[orders]", f"[orders]{issuer}")
    return headers(
        general, issuers, routes(f"all, match: {{path_prefix: /a/}}, require: {{}}{route}")
    )


@pytest.mark.parametrize(
    "text",
    [
        own(issuer=", identity: {headers: {¦X-User: email}}"),
        own(route=", identity: {headers: {¦X-User: email}}"),
        own(
            route=", identity: {headers: {¦X-User: email}}",
            issuer=", identity: {headers: {X-A: a}}",
        ),
    ],
)
def test_own_headers_of_an_issuer_and_of_a_route_are_judged_too(text: str, tmp_path: Path) -> None:
    assert_warned(tmp_path, "subject_changeable", text)


def test_whoever_sends_no_issuer_any_more_makes_people_ambiguous(tmp_path: Path) -> None:
    everybody = routes(
        "all, match: {path_prefix: /a/}, require: {}, identity: {headers: {X-Issuer: false}}"
    )
    text = headers("{¦X-User: sub, X-Issuer: iss}", routes=everybody)

    assert_warned(tmp_path, "subject_ambiguous", text)


def test_an_issuer_within_a_template_is_sent(tmp_path: Path) -> None:
    assert warnings(tmp_path, headers("{X-User: '{iss}#{sub}'}")) == ()
