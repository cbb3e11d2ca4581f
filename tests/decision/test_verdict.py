"""Verdicts: closed, comparable, and silent about who asked."""

from typing import get_args

import pytest

from gateway.decision.reason import Reason
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
from tests.decision.policies import route


def test_there_are_seven_verdicts() -> None:
    asking = (NeedKeys, NeedIntrospection, NeedSession, NeedCredentials)
    assert get_args(Verdict) == (Allow, Deny, Publish, *asking)


def test_an_allow_shows_its_route_and_target_and_not_who_is_calling() -> None:
    allow = Allow(route("/a"), b"/a?x=1", None, b"X-Gateway-Subject: alice\r\n")

    assert repr(allow) == "Allow('/a', b'/a?x=1')"


def test_a_document_is_an_answer_and_what_pages_may_do_has_none() -> None:
    assert Publish(b"{}").status == 200
    assert Publish(b"", route(), b"\r\nVary: Origin").status == 204


@pytest.mark.parametrize(
    "verdict",
    [
        Deny(Reason.TOKEN_MISSING, "no token"),
        NeedKeys("main", None, Deny(Reason.KEYS_UNAVAILABLE, "no keys")),
        Allow(route(), b"/", None, b""),
    ],
)
def test_a_verdict_is_never_taken_for_nothing(verdict: Verdict) -> None:
    """The checks of a token are chained with `or`; a falsy refusal would be skipped."""
    assert verdict


def test_refusals_that_say_the_same_are_equal() -> None:
    assert Deny(Reason.TOKEN_MISSING, "a") == Deny(Reason.TOKEN_MISSING, "a")
    assert Deny(Reason.TOKEN_MISSING, "a") != Deny(Reason.TOKEN_MISSING, "b")
    assert Deny(Reason.TOKEN_MISSING, "a", methods=("GET",)) != Deny(Reason.TOKEN_MISSING, "a")
