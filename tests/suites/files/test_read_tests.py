"""A test has a request that a client could send, and an expectation for everybody."""

from pathlib import Path

import pytest

from gateway.suites.files.read_suite import BrokenSuite, read_suite


def faults(directory: Path, text: str) -> list[str]:
    path = directory / "a.test.yaml"
    path.write_text(text)
    suite = read_suite(path, {})
    assert isinstance(suite, BrokenSuite), "nothing wrong was found"
    return [str(fault).removeprefix(f"{directory}/") for fault in suite.faults]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            "GET https://h/a",
            "a.test.yaml:6:15: bad_value: `NOT_FOUND` is a status of gRPC: write `grpc: true` in"
            " the table of the request",
        ),
        (
            "{url: https://h/a, method: PUT, grpc: true}",
            "a.test.yaml:5:53: conflicting_keys: a call of gRPC is a POST: leave out `method`",
        ),
    ],
)
def test_a_status_of_grpc_is_for_calls_and_these_are_posts(
    request_: str, expected: str, tmp_path: Path
) -> None:
    text = (
        "version: 1\npersonas:\n  nobody: {anonymous: true}\ntests:\n"
        f"  - {{name: one, request: {request_},\n     expect: {{nobody: UNAUTHENTICATED}}}}\n"
    )

    assert faults(tmp_path, text) == [expected.replace("NOT_FOUND", "UNAUTHENTICATED")]


WITH_TEST = """\
version: 1
personas:
  alice: {issuer: main}
  nobody: {anonymous: true}
tests:
  - name: one
    request: GET https://h/a
    expect: %s
"""


@pytest.mark.parametrize(
    ("expect", "expected"),
    [
        (
            "{alice: allow}",
            "a.test.yaml:8:5: missing_expectation: nothing is expected for nobody: name them, or "
            "say it for `others`",
        ),
        (
            "{alise: allow, others: allow}",
            "a.test.yaml:8:14: unknown_reference: no persona `alise`: did you mean `alice`?",
        ),
        (
            "{alice: alow, others: allow}",
            "a.test.yaml:8:21: unknown_reference: no reason `alow`: did you mean `allow`?",
        ),
        (
            "{alice: token_expird, others: allow}",
            "a.test.yaml:8:21: unknown_reference: no reason `token_expird`: did you mean "
            "`token_expired`?",
        ),
        (
            "{alice: {alow: {}}, others: allow}",
            "a.test.yaml:8:22: unknown_key: unknown key `alow`: did you mean `allow`?",
        ),
        (
            "{alice: {allow: {upstrem: a}}, others: allow}",
            "a.test.yaml:8:30: unknown_key: unknown key `upstrem`: did you mean `upstream`?",
        ),
        (
            "{alice: {allow: {headers: {a: b}, absent: [A]}}, others: allow}",
            "a.test.yaml:8:56: conflicting_keys: `A` cannot be both present and absent",
        ),
        (
            "{alice: {allow: {headers: {'a b': b}}}, others: allow}",
            "a.test.yaml:8:40: bad_value: `a b` is not a header name",
        ),
        (
            "{others: skip}",
            "a.test.yaml:8:5: missing_expectation: every persona is skipped: name one that is"
            " tried, with what is expected for it",
        ),
        (
            "{}",
            "a.test.yaml:8:13: empty_list: this mapping is empty: leave the key out",
        ),
    ],
)
def test_a_wrong_expectation_is_named_at_its_place(
    expect: str, expected: str, tmp_path: Path
) -> None:
    assert expected in faults(tmp_path, WITH_TEST % expect)


@pytest.mark.parametrize(
    ("expect", "tried"),
    [
        ("{nobody: skip, alice: allow}", {"alice": "allow"}),
        ("{nobody: token_missing, others: skip}", {"nobody": "token_missing"}),
        ("{nobody: skip, others: allow}", {"alice": "allow"}),
    ],
)
def test_who_is_skipped_is_not_tried(expect: str, tried: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "a.test.yaml"
    path.write_text(WITH_TEST % expect)

    suite = read_suite(path, {})

    assert not isinstance(suite, BrokenSuite), suite.faults
    (test,) = suite.tests
    assert {name: one.answer for name, one in test.expected.items()} == tried


def test_personas_are_tried_in_the_order_of_the_file_not_of_the_test(tmp_path: Path) -> None:
    path = tmp_path / "a.test.yaml"
    path.write_text(WITH_TEST % "{nobody: token_missing, alice: allow}")

    suite = read_suite(path, {})

    assert not isinstance(suite, BrokenSuite), suite.faults
    assert list(suite.tests[0].expected) == ["alice", "nobody"]


REQUEST = WITH_TEST.replace("GET https://h/a", "%s") % ("%s", "{others: allow}")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("GET", "7:14: bad_value: a request is a method and a URL"),
        ("GET /a", "7:14: bad_value: not a URL: write it like https://api.example.com/orders/7"),
        ("get https://h/", "7:14: bad_value: methods are case-sensitive: write GET"),
        ("TRACE https://h/", "7:14: not_supported: TRACE is never forwarded"),
        ("GET https:///a", "7:14: bad_value: the URL has no valid host"),
        ("GET https://u@h/a", "7:14: bad_value: the URL has no valid host"),
        ("GET https://h/a b", "7:14: bad_value: a URL is plain ASCII without spaces"),
        ("GET https://h/a#b", "7:14: bad_value: a fragment is never sent"),
        ("GET ftp://h/a", "7:14: bad_value: not a URL"),
        ("{url: ftp://h/a}", "7:20: bad_value: not a URL"),
        ("{method: GET}", "7:5: missing_key: the key `url` is missing"),
        ("{url: https://h, headers: {host: h}}", "7:41: conflicting_keys: the URL already"),
    ],
)
def test_a_wrong_request_is_named_at_its_place(
    request_: str, expected: str, tmp_path: Path
) -> None:
    found = faults(tmp_path, REQUEST.replace("%s", request_))

    assert [fault for fault in found if fault.startswith(f"a.test.yaml:{expected}")], found
    assert len(found) == 1


def test_two_tests_in_one_line_are_two(tmp_path: Path) -> None:
    test = "{name: one, request: GET https://h, expect: {alice: allow}}"
    text = f"version: 1\npersonas: {{alice: {{issuer: main}}}}\ntests: [{test}, {test}]\n"

    assert faults(tmp_path, text) == [
        "a.test.yaml:3:77: duplicate_name: the name `one` is taken by the test in line 3"
    ]


def test_two_tests_of_one_name_are_a_fault(tmp_path: Path) -> None:
    test = "  - {name: one, request: GET https://h, expect: {alice: allow}}\n"
    text = f"version: 1\npersonas: {{alice: {{issuer: main}}}}\ntests:\n{test}{test}"

    assert faults(tmp_path, text) == [
        "a.test.yaml:5:12: duplicate_name: the name `one` is taken by the test in line 4"
    ]
