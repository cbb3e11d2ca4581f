"""Paths: one canonical form, or a refusal."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.decision.path import Path, parse_path, path_segments, split_path, split_target
from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny


@pytest.mark.parametrize(
    ("raw", "segments"),
    [
        (b"/", ("",)),
        (b"/a", ("a",)),
        (b"/a/b/", ("a", "b", "")),
        (b"/%61dmin", ("admin",)),
        (b"/ADMIN", ("ADMIN",)),
        (b"/a%40b", ("a@b",)),
        (b"/a@b:c!$&'()*+,=-._~", ("a@b:c!$&'()*+,=-._~",)),
        (b"/caf%C3%A9", ("caf\u00e9",)),
        (b"/a%20b", ("a b",)),
        (b"/100%25", ("100%",)),
        (b"/100%25/%7Bx%7D/", ("100%", "{x}", "")),
        (b"/.well-known/x", (".well-known", "x")),
        (b"/...", ("...",)),
        (b"/a..b/..c", ("a..b", "..c")),
    ],
)
def test_a_canonical_path_matches_on_its_decoded_segments(
    raw: bytes, segments: tuple[str, ...]
) -> None:
    assert parse_path(raw) == Path(raw, segments)


SLASH = "the path does not start with a slash"
EMPTY = "the path has an empty segment"
DOTS = "the path has a dot segment"
RAW = "the path has a character that must be percent-encoded"
ESCAPE = "the path has an invalid percent escape"
STRUCTURE = "the path has an encoded separator or control character"
TWICE = "the path is encoded twice"
UTF8 = "the path is not UTF-8 when decoded"
PARAMETER = "the path has a parameter (;)"

REFUSED = [
    (b"", SLASH),
    (b"*", SLASH),
    (b"admin", SLASH),
    (b"http://evil/admin", SLASH),
    (b"//admin", EMPTY),  # CVE-2026-26205
    (b"/api//admin", EMPTY),
    (b"/a//", EMPTY),
    (b"/..", DOTS),
    (b"/.", DOTS),
    (b"/public/../admin", DOTS),  # CVE-2019-9901
    (b"/public/./admin", DOTS),
    (b"/public/..", DOTS),
    (b"/public/%2e%2e/admin", DOTS),
    (b"/public/.%2E/admin", DOTS),
    (b"/public/%2e", DOTS),
    (b"/public/%252e%252e/admin", TWICE),
    (b"/public/%25%32%65/admin", TWICE),
    (b"/%2541dmin", TWICE),
    (b"/public%2f..%2fadmin", STRUCTURE),  # CVE-2021-29492
    (b"/%2Fadmin", STRUCTURE),
    (b"/public/..%5cadmin", STRUCTURE),
    (b"/a%00b", STRUCTURE),
    (b"/a%0d%0ab", STRUCTURE),
    (b"/a%1fb", STRUCTURE),
    (b"/a%7fb", STRUCTURE),
    (b"/a%3bb", STRUCTURE),
    (b"/a%3Fb", STRUCTURE),
    (b"/a%23b", STRUCTURE),
    (b"/public#/../admin", RAW),  # CVE-2021-32779
    (b"/admin#x", RAW),
    (b"/a?b", RAW),
    (b"/a\\b", RAW),
    (b"/a|b", RAW),
    (b'/a"b', RAW),
    (b"/a b", RAW),
    (b"/a<b>", RAW),
    (b"/a{b}", RAW),
    (b"/a^b`", RAW),
    (b"/a[1]", RAW),
    (b"/a\tb", RAW),
    (b"/a\x00b", RAW),
    (b"/a\n", RAW),
    (b"/a\x7f", RAW),
    (b"/caf\xc3\xa9", RAW),
    (b"/a%", ESCAPE),
    (b"/a%2", ESCAPE),
    (b"/a%zz", ESCAPE),
    (b"/a%u0041", ESCAPE),
    (b"/%C3", UTF8),
    (b"/%C0%AE%C0%AE/admin", UTF8),
    (b"/%ED%A0%80", UTF8),
    (b"/public/..;/admin", PARAMETER),
    (b"/admin;x=1", PARAMETER),
    (b"/;/admin", PARAMETER),
]


@pytest.mark.parametrize(("raw", "rule"), REFUSED)
def test_a_path_that_two_parsers_may_read_in_two_ways_is_refused(raw: bytes, rule: str) -> None:
    """CVE-2019-9901, CVE-2021-29492, CVE-2021-32779, CVE-2023-45539, CVE-2026-26205."""
    assert parse_path(raw) == Deny(Reason.PATH_REJECTED, rule)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a", b"/a", b""),
        (b"/a?", b"/a", b"?"),
        (b"/a?b?c", b"/a", b"?b?c"),
        (b"?x", b"", b"?x"),
    ],
)
def test_the_first_question_mark_ends_the_path(target: bytes, path: bytes, query: bytes) -> None:
    assert split_target(target) == (path, query)


@given(st.binary(max_size=40))
def test_a_target_is_its_path_and_its_query_byte_for_byte(target: bytes) -> None:
    path, query = split_target(target)

    assert path + query == target


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_segments_of_a_target_are_those_of_its_path_whatever_the_query(
    path: bytes, query: bytes
) -> None:
    """CVE-2025-54576."""
    path = path.replace(b"?", b"")
    parsed = parse_path(path)

    segments = path_segments(split_path(path + b"?" + query))

    assert segments == (parsed if isinstance(parsed, Deny) else parsed.segments)


PIECES = st.sampled_from(
    [
        b"/",
        b"a",
        b"B",
        b".",
        b"..",
        b"%2e",
        b"%2F",
        b"%41",
        b"%25",
        b"%5c",
        b"%C3%A9",
        b"%c3",
        b"%00",
        b";",
        b"?",
        b"#",
        b"\\",
        b"//",
        b"32",
        b"%",
        b"\xc3\xa9",
        b"~",
        b"%20",
    ]
)


@given(st.lists(PIECES, max_size=12).map(b"".join).map(lambda rest: b"/" + rest))
@example(b"/%25%32%65")
def test_no_accepted_path_changes_when_decoded_once_more(raw: bytes) -> None:
    """Whatever a service decodes or resolves, it comes to the segments that were matched."""
    path = parse_path(raw)
    if isinstance(path, Deny):
        assert path.reason is Reason.PATH_REJECTED
        return

    assert path.raw == raw
    assert len(path.segments) == raw.count(b"/")
    assert not {".", ".."} & set(path.segments)
    assert "" not in path.segments[:-1]
    assert not any(set(segment) & set("/\\;?#\0\r\n") for segment in path.segments)
