"""Values of a suite file: times, distances, answers and names."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.decision.reason import Reason
from gateway.suites.files.models import Answer, FieldName, Offset, ReasonCode, Time


def accepts(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-06-01T12:00:00Z", 1_780_315_200),
        ("2026-06-01T12:00:00+02:00", 1_780_308_000),
        ("2026-06-01 12:00:00.500Z", 1_780_315_200.5),
    ],
)
def test_a_time_is_a_moment_whatever_its_zone(text: str, seconds: float) -> None:
    assert TypeAdapter(Time).validate_python(text) == seconds


@pytest.mark.parametrize(
    "value", ["", "noon", "2026-06-01", "2026-06-01T12:00:00", "1969-12-31T23:59:59Z", 5, None]
)
def test_what_is_no_moment_is_refused(value: object) -> None:
    """Without a zone it would be another one on each machine."""
    assert not accepts(Time, value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("+5m", 300), ("-30s", -30), ("+0s", 0), ("-1h", -3600), ("+250ms", 0.25)]
)
def test_a_distance_goes_to_the_future_or_to_the_past(text: str, seconds: float) -> None:
    assert TypeAdapter(Offset).validate_python(text) == seconds


@pytest.mark.parametrize("value", ["", "5m", "+", "+5", "++5m", "-5d", "+-5m", 5, None])
def test_what_is_no_distance_is_refused(value: object) -> None:
    assert not accepts(Offset, value)


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.code)
def test_every_reason_can_be_expected(reason: Reason) -> None:
    assert accepts(Answer, reason.code)
    assert accepts(ReasonCode, reason.code)


def test_so_can_what_is_no_refusal_but_only_as_an_answer() -> None:
    for answer in ("allow", "published"):
        assert accepts(Answer, answer)
        assert not accepts(ReasonCode, answer)
    assert not accepts(Answer, "Allow")


def test_a_header_name_is_a_token() -> None:
    """RFC 9110 §5.6.2."""
    assert accepts(FieldName, "X-Own_1.~")
    assert not any(accepts(FieldName, name) for name in ("", "a b", "a:", "ä", "a\n"))
