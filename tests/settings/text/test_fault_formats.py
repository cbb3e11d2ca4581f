"""Annotations are written as GitHub Actions reads them, whatever is in a message."""

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.text.fault import Code, Fault, Place, Severity
from gateway.settings.text.fault_formats import annotate, annotate_fault

PLACE = Place("a.yaml", 3, 7)


def test_a_fault_is_one_command_with_its_code_as_the_title() -> None:
    error = Fault(PLACE, Code.BAD_VALUE, "not a host: x, y")
    warning = Fault(PLACE, Code.REPORT_ONLY, "100 % open", Severity.WARNING)

    assert annotate_fault(error) == (
        "::error file=a.yaml,line=3,col=7,title=bad_value::not a host: x, y"
    )
    assert annotate_fault(warning) == (
        "::warning file=a.yaml,line=3,col=7,title=report_only::100 %25 open"
    )


def test_several_lines_stay_one_command() -> None:
    assert annotate("error", PLACE, "a: b", "one\r\ntwo").endswith("title=a%3A b::one%0D%0Atwo")


ANY = st.text(st.sampled_from("a:,%\r\n=2530DA"))


def unescape(text: str) -> str:
    """Read *text* as the runner does: these five, and nothing else."""
    return re.sub("%(0D|0A|3A|2C|25)", lambda found: chr(int(found[1], 16)), text)


@given(ANY, ANY, ANY)
def test_what_is_read_back_is_what_was_written(file: str, title: str, text: str) -> None:
    command = annotate("error", Place(file, 1, 2), title, text)
    properties, _, message = command.removeprefix("::error ").partition("::")
    pairs = dict(pair.split("=", 1) for pair in properties.split(","))

    assert command.splitlines() == [command]
    assert unescape(message) == text
    assert unescape(pairs["file"]) == file
    assert unescape(pairs["title"]) == title
    assert (pairs["line"], pairs["col"]) == ("1", "2")
