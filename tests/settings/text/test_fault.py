"""Faults: one line each, for people and for grep."""

import re

import pytest

from gateway.settings.text.fault import Code, Fault, Place, Severity

PLACE = Place("a.yaml", 3, 7)


@pytest.mark.parametrize(
    ("severity", "line"),
    [
        (Severity.ERROR, "a.yaml:3:7: bad_value: not a host"),
        (Severity.WARNING, "a.yaml:3:7: bad_value: warning: not a host"),
    ],
)
def test_a_fault_is_one_line_that_editors_can_jump_to(severity: Severity, line: str) -> None:
    assert str(Fault(PLACE, Code.BAD_VALUE, "not a host", severity)) == line


def test_a_fault_is_an_error_unless_it_is_called_a_warning() -> None:
    assert Fault(PLACE, Code.BAD_VALUE, "x").severity is Severity.ERROR


def test_codes_are_lower_case_words_and_each_is_its_name() -> None:
    """People grep for them: a code never changes with the name in the source alone."""
    for code in Code:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code.value)
        assert code.value == code.name.lower()


def test_places_sort_as_one_reads() -> None:
    places = [
        Place("b", 1, 1), Place("a", 10, 1), Place("a", 2, 30), Place("a", 2, 4),
    ]  # fmt: skip

    assert sorted(places) == [
        Place("a", 2, 4), Place("a", 2, 30), Place("a", 10, 1), Place("b", 1, 1),
    ]  # fmt: skip
