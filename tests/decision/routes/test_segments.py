"""Segments: one reading of a path, by the quick rule and by the slow one alike."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.decision.routes.segments import split_segments

PLAIN = "abZ09-._~!$&'()*+,=:@"


@pytest.mark.parametrize(
    ("raw", "segments"),
    [
        (b"/", ("",)),
        (b"/a/b", ("a", "b")),
        (b"/a/", ("a", "")),
        (b"/%61/b", ("a", "b")),
        (b"/.a/..b/...", (".a", "..b", "...")),
    ],
)
def test_a_path_is_its_decoded_segments(raw: bytes, segments: tuple[str, ...]) -> None:
    assert split_segments(raw) == segments


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "does not start with a slash"),
        (b"a/b", "does not start with a slash"),
        (b"/a//b", "an empty segment"),
        (b"/a/..", "a dot segment"),
        (b"/./a", "a dot segment"),
        (b"/a;b", "a parameter"),
        (b"/a b", "must be percent-encoded"),
        (b"/a%4", "an invalid percent escape"),
        (b"/%ff", "not UTF-8"),
        (b"/a%2fb", "an encoded separator"),
        (b"/%2541", "encoded twice"),
    ],
)
def test_a_path_that_breaks_a_rule_is_told_which(raw: bytes, words: str) -> None:
    answer = split_segments(raw)

    assert isinstance(answer, str)
    assert words in answer


def escaped(text: str, places: set[int]) -> bytes:
    """Return *text* with the characters at *places* escaped, slashes excepted."""
    return "".join(
        f"%{ord(char):02x}" if place in places and char != "/" else char
        for place, char in enumerate(text)
    ).encode()


@given(
    st.text(PLAIN + "/.", max_size=12).map(lambda rest: "/" + rest),
    st.sets(st.integers(1, 12)),
)
@example("/a/../b", {3})
@example("/..", {1, 2})
def test_an_escape_changes_nothing_about_how_a_path_is_read(text: str, places: set[int]) -> None:
    """CVE-2019-9901: a path with escapes takes the slow way, and must come to the same."""
    assert split_segments(escaped(text, places)) == split_segments(text.encode())


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), min_size=1))
def test_what_anybody_would_write_as_segments_is_read_as_those(names: list[str]) -> None:
    raw = b"/" + b"/".join(
        "".join(f"%{octet:02X}" for octet in name.encode()).encode() for name in names
    )

    answer = split_segments(raw)

    is_structure = any(
        name in {".", ".."} or set(name) & set("/\\;?#") or "%" in name for name in names
    )
    assert answer == tuple(names) or (is_structure and isinstance(answer, str))


@given(st.binary(max_size=30))
def test_any_bytes_are_segments_or_words(raw: bytes) -> None:
    answer = split_segments(raw)

    assert isinstance(answer, str) or len(answer) == raw.count(b"/")
