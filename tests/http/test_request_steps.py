"""The steps in front of the decision and behind it, and the lines that ask for them."""

from typing import Any

import pytest

from gateway.decision.explaining.steps import Check, Owner, Setting, Step
from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny, LogIn, Publish
from gateway.http.reading.fields import Fields
from gateway.http.reading.request import HTTP_1_1, HTTP_2, Request
from gateway.http.request_steps import (
    credential_steps,
    limit_steps,
    option_steps,
    own_steps,
    request_step,
)
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.settings.values.configuration import ServiceCredentials, ServiceGrant, Upstream
from gateway.settings.values.rates import RateLimit
from gateway.settings.values.route_options import RouteOptions
from tests.decision.policies import route

ROUTE = route("/x", upgrades=frozenset({"websocket", "tls/1.3"}))
LIMIT = Setting(Owner.FILE, "", ("limits", "body"))
UPGRADES = Setting(Owner.ROUTE, "/x", ("upgrades",))


def steps(
    body_bytes: int | None, *, wants_upgrade: bool = False, is_own: bool = False, **fields: Any
) -> list[Step]:
    section = Fields()
    for name, value in fields.items():
        setattr(section, name, value)
    request = Request("GET", b"/x", section)
    own = frozenset({"body"} if is_own else ())
    request.wants_upgrade = wants_upgrade
    deny = request.check_allowed(ROUTE, body_bytes)
    return list(option_steps(request, ROUTE, RouteOptions(9.0, 9.0, body_bytes, own), deny))


def test_a_request_is_well_formed_or_says_why_not() -> None:
    fault = Deny(Reason.REQUEST_MALFORMED, "no Host field")

    good, bad = request_step(None, HTTP_1_1), request_step(fault, HTTP_2)

    assert (good.reason, good.found) == (None, "one")
    assert (bad.reason, bad.found) == (Reason.REQUEST_MALFORMED, "no Host field")


@pytest.mark.parametrize(
    ("limit", "length", "reason"),
    [(100, 100, None), (100, 101, Reason.BODY_TOO_LARGE), (0, 0, None)],
)
def test_a_length_is_held_against_the_limit(limit: int, length: int, reason: Reason | None) -> None:
    (step,) = steps(limit, content_length=length)

    assert (step.expected, step.found) == (f"a Content-Length of at most {limit}", str(length))
    assert (step.reason, step.setting) == (reason, LIMIT)


@pytest.mark.parametrize(("limit", "fields"), [(None, {"content_length": 5}), (100, {})])
def test_without_a_limit_or_a_length_there_is_nothing_to_say(
    limit: int | None, fields: dict[str, Any]
) -> None:
    assert steps(limit, **fields) == []


def test_an_upgrade_is_one_of_those_of_the_route() -> None:
    good, bad = (steps(None, wants_upgrade=True, upgrade=it)[0] for it in (b"TLS/1.3", b"h2c"))

    assert (good.expected, good.found, good.holds) == (
        "one of: tls/1.3, websocket",
        "TLS/1.3",
        True,
    )
    assert (bad.found, bad.reason) == (
        "h2c: the route does not allow this upgrade",
        Reason.NOT_SUPPORTED,
    )
    assert good.setting == bad.setting == UPGRADES


def test_a_preflight_is_told_by_the_route_that_is_asked_for_and_what_pages_may() -> None:
    fields = Fields()
    fields.lines = [b"\r\nOrigin: ", b"https://a", b"\r\nAccess-Control-Request-Method: ", b"PUT"]
    request = Request("OPTIONS", b"/x", fields)
    granted = Publish(b"", ROUTE, b"\r\nAccess-Control-Allow-Origin: https://a")

    owner, may = own_steps(request, granted)
    _, may_not = own_steps(request, Publish(b"", ROUTE, b"\r\nVary: Origin"))

    assert (owner.expected, owner.found) == ("a route for PUT", "/x")
    assert (may.expected, may.found) == ("what pages of https://a may ask", "may be asked")
    assert may_not.found.startswith("may not be asked")
    assert may.setting == Setting(Owner.ROUTE, "/x", ("cors",))
    assert list(own_steps(request, Publish(b"{}"))) == []


def test_the_first_step_that_fails_is_the_last() -> None:
    failed = steps(1, wants_upgrade=True, upgrade=b"h2c", content_length=2)

    assert [step.reason for step in failed] == [Reason.BODY_TOO_LARGE]


def test_a_limit_of_the_route_is_told_at_the_route() -> None:
    (step,) = steps(10, is_own=True, content_length=11)

    assert step.setting == Setting(Owner.ROUTE, "/x", ("limits", "body"))
    assert step.reason is Reason.BODY_TOO_LARGE


def test_limits_are_named_and_not_counted() -> None:
    limits = [RateLimit(name, 1, 1, 1, ()) for name in ("each", "all")]

    assert list(limit_steps(ROUTE, ())) == []
    (step,) = limit_steps(ROUTE, limits)
    assert (step.expected, step.found) == ("room in: each, all", "not counted here")
    assert step.holds
    assert step.setting == Setting(Owner.ROUTE, "/x", ("rate_limits",))


def test_what_a_login_answers_itself_is_said() -> None:
    (step,) = own_steps(Request("GET", b"/x", Fields()), LogIn(("web", "staff"), "callback"))

    assert (step.check, step.found, step.reason) == (Check.LOGIN, "callback of web or staff", None)
    assert step.setting == Setting(Owner.FILE, "", ("login", "web"))


def test_what_it_refuses_is_a_step_that_fails() -> None:
    deny = Deny(Reason.LOGIN_MISDIRECTED, "the host is no origin")
    (step,) = own_steps(Request("GET", b"/x", Fields()), deny)

    assert (step.check, step.found) == (Check.LOGIN, "the host is no origin")
    assert step.reason is Reason.LOGIN_MISDIRECTED


def test_the_token_of_the_service_is_named_and_not_shown() -> None:
    client = OAuthClient("gateway", ClientAuthentication.BASIC, "hush")
    own = ServiceCredentials(ServiceGrant.CLIENT_CREDENTIALS, client, "main", None, ("a", "b"))
    exchange = ServiceCredentials(
        ServiceGrant.TOKEN_EXCHANGE, client, None, "https://as.test/token", audience="orders"
    )
    for asked, grant, found in (
        (
            own,
            "client_credentials",
            "a token of the gateway's own at the issuer main as gateway, scopes a, b",
        ),
        (
            exchange,
            "token_exchange",
            "the caller's token, exchanged at https://as.test/token as gateway, audience orders",
        ),
    ):
        (step,) = credential_steps(Upstream("orders", (), 1.0, 1.0, 1.0, credentials=asked))

        setting = Setting(Owner.UPSTREAM, "orders", ("credentials", grant))
        assert step == Step(Check.SERVICE_TOKEN, "a token for orders", found, None, setting)

    assert list(credential_steps(Upstream("orders", (), 1.0, 1.0, 1.0))) == []
