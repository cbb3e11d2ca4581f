"""The authentication behind a token is strong and fresh enough, or nothing is said for it."""

from typing import Any

import pytest

from gateway.decision.reason import Reason
from gateway.decision.rules.step_up import StepUp, find_shortfall

NOW = 1_800_000_000.0
LEEWAY = 30.0
ANY = StepUp((), None)
GOLD = StepUp(("gold", "silver"), None)
QUARTER = StepUp((), 900)

TOO_OLD = Reason.AUTHENTICATION_TOO_OLD
TOO_WEAK = Reason.AUTHENTICATION_TOO_WEAK


def shortfall(wanted: StepUp, **claims: Any) -> Reason | None:
    return find_shortfall(claims, wanted, NOW, LEEWAY)


@pytest.mark.parametrize("acr", ["gold", "silver"])
def test_any_of_the_values_will_do(acr: str) -> None:
    """9470.1."""
    assert shortfall(GOLD, acr=acr) is None


@pytest.mark.parametrize("acr", ["bronze", "Gold", "gold silver", "", None, True, 1, ["gold"], {}])
def test_another_value_is_too_weak(acr: object) -> None:
    """9470.1: compared as it stands; what is no string is nobody's value."""
    assert shortfall(GOLD, acr=acr) is TOO_WEAK


@pytest.mark.parametrize(("wanted", "answer"), [(GOLD, TOO_WEAK), (QUARTER, TOO_OLD)])
def test_a_claim_that_is_missing_satisfies_nothing(wanted: StepUp, answer: Reason) -> None:
    """9470.3."""
    assert shortfall(wanted) is answer


@pytest.mark.parametrize(
    ("seconds_ago", "answer"),
    [(0, None), (899.5, None), (900, None), (900.5, TOO_OLD), (10**9, TOO_OLD)],
)
def test_an_authentication_may_be_as_old_as_the_route_allows(
    seconds_ago: float, answer: Reason | None
) -> None:
    """9470.2: to the second, whatever the leeway."""
    assert shortfall(QUARTER, auth_time=NOW - seconds_ago) is answer


@pytest.mark.parametrize(("ahead", "answer"), [(30, None), (30.5, TOO_OLD), (2.0**70, TOO_OLD)])
def test_an_authentication_lies_in_the_future_by_the_leeway_at_most(
    ahead: float, answer: Reason | None
) -> None:
    assert shortfall(QUARTER, auth_time=NOW + ahead) is answer


@pytest.mark.parametrize("at", [None, True, "1800000000", [NOW], {}, "now"])
def test_a_time_that_is_no_number_satisfies_nothing(at: object) -> None:
    """9470.3."""
    assert shortfall(QUARTER, auth_time=at) is TOO_OLD


def test_the_value_comes_before_the_age() -> None:
    both = StepUp(("gold",), 900)

    assert shortfall(both, acr="gold", auth_time=NOW) is None
    assert shortfall(both, acr="bronze", auth_time=0) is TOO_WEAK
    assert shortfall(both, acr="gold", auth_time=0) is TOO_OLD


def test_where_nothing_is_asked_nothing_is_missing() -> None:
    assert shortfall(ANY) is None
