"""JUnit XML that fits the schemas in use: Ant's (windyroad/JUnit-Schema) and that of Jenkins."""

import re
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from gateway.suites.running.report_formats import format_junit
from tests.suites.reports import run, run_failing
from tests.suites.worlds import SUITE, in_folder

STARTED_AT = datetime(2026, 6, 1, 12, 30, 5, 999)

TOKEN, TEXT, COUNT = r"\S+( \S+)*", r"(?s).*", r"[0-9]+"

# Of Ant's schema: the attributes that an element must have and no others, each with its type;
# and its children, in order. Jenkins allows all of this, and more.
ATTRIBUTES = {
    "testsuites": {},
    "testsuite": {
        "id": COUNT,
        "package": TOKEN,
        "name": TOKEN,
        "timestamp": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}",
        "hostname": TOKEN,
        "tests": COUNT,
        "failures": COUNT,
        "errors": COUNT,
        "time": COUNT,
    },
    "properties": {},
    "testcase": {"name": TOKEN, "classname": TOKEN, "time": COUNT},
    "failure": {"type": TEXT, "message": TEXT},
    "error": {"type": TEXT, "message": TEXT},
    "system-out": {},
    "system-err": {},
}
CHILDREN = {
    "testsuites": r"(testsuite )*",
    "testsuite": r"properties (testcase )*system-out system-err ",
    "testcase": r"((skipped|error|failure) )?",
}


def document(text: str) -> ET.Element:
    """Return what *text* holds, after holding it against the schema."""
    root = ET.fromstring(text)
    for element in root.iter():
        expected = ATTRIBUTES[element.tag]
        assert element.attrib.keys() == expected.keys()
        for name, value in element.attrib.items():
            assert re.fullmatch(expected[name], value), (name, value)
        names = "".join(f"{child.tag} " for child in element)
        assert re.fullmatch(CHILDREN.get(element.tag, ""), names), names
    return root


def test_a_suite_is_a_testsuite_and_each_persona_of_a_test_a_testcase(tmp_path: Path) -> None:
    root = document(format_junit(run_failing(tmp_path), STARTED_AT))

    failing, broken = root
    assert failing.attrib | {"name": ""} == {
        "id": "0",
        "package": "gateway",
        "name": "",
        "timestamp": "2026-06-01T12:30:05",
        "hostname": "localhost",
        "tests": "6",
        "failures": "2",
        "errors": "0",
        "time": "0",
    }
    assert [case.get("name") for case in failing.iter("testcase")][:2] == [
        "orders of the own tenant: alice",
        "orders of the own tenant: boss",
    ]
    assert [broken.get(name) for name in ("id", "tests", "failures", "errors")] == list("1101")


def test_a_failure_has_a_message_and_the_whole_story(tmp_path: Path) -> None:
    root = document(format_junit(run_failing(tmp_path), STARTED_AT))

    failure, _ = root.iter("failure")
    assert failure.get("message") == "expected allow, got token_missing"
    assert in_folder(tmp_path)(failure.text or "").splitlines() == [
        "failing.test.yaml:10:41",
        "GET api.example.com/tenants/acme/orders/7",
        "expected allow, got token_missing",
        "gateway.yaml:17:5: credential: expected one bearer token, found no bearer token was sent",
    ]


def test_a_broken_suite_is_an_error_with_all_faults(tmp_path: Path) -> None:
    (error,) = document(format_junit(run_failing(tmp_path), STARTED_AT)).iter("error")

    assert error.get("message") == "unknown key `test`: did you mean `tests`?"
    assert in_folder(tmp_path)(error.text or "") == (
        "broken.test.yaml:2:1: unknown_key: unknown key `test`: did you mean `tests`?"
    )


def test_no_name_in_a_suite_can_break_the_document(tmp_path: Path) -> None:
    odd = r'"<a> & \"b\" ]]> \\ \uFFFE \U0001F600   c"'
    suite = SUITE.replace("orders of the own tenant", odd).replace(
        "alice: allow", "alice: draining"
    )

    root = document(format_junit(run(tmp_path, a=suite), STARTED_AT))

    names = [case.get("name") for case in root.iter("testcase")]
    assert names[0] == '<a> & "b" ]]> \\ \ufffd \U0001f600 c: alice'


def test_no_suite_at_all_is_a_document_too(tmp_path: Path) -> None:
    assert list(document(format_junit(run(tmp_path), STARTED_AT))) == []
