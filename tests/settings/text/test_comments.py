"""Comments that speak to the gateway are found outside of quoted text and blocks alone."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.text.comments import Comment
from tests.settings.configs import part_of

ALLOW = "# gateway: allow x because y"


def found(text: str) -> list[tuple[int, int, int]]:
    """Return line, column and covered line of each comment in *text*."""
    return [(c.place.line, c.place.column, c.covers) for c in comments(text)]


def comments(text: str) -> tuple[Comment, ...]:
    return part_of(text).document.comments


def test_a_comment_behind_a_value_covers_its_own_line() -> None:
    assert found(f"a: 1\nb: 2  {ALLOW}\nc: 3\n") == [(2, 7, 2)]


def test_a_comment_on_a_line_of_its_own_covers_the_next_line_that_is_none() -> None:
    """So a reason may go on over several lines, and two may stand above each other."""
    text = f"a: 1\n  {ALLOW}\n# and more\n{ALLOW}\nb: 2\n"

    assert found(text) == [(2, 3, 5), (4, 1, 5)]


def test_a_blank_line_ends_what_a_comment_covers() -> None:
    """Such a line has no warning, so the silence will be said to be unused."""
    assert found(f"{ALLOW}\n\na: 1\n") == [(1, 1, 2)]


def test_the_text_goes_to_the_end_of_the_line() -> None:
    [comment] = comments(f"a: 1 {ALLOW} # and z\r\nb: 2\n")

    assert comment.text == f"{ALLOW} # and z"


@pytest.mark.parametrize("sign", ["#gateway:allow", "#  gateway: allow", "#\tgateway:\tallow x"])
def test_blanks_in_it_do_not_matter(sign: str) -> None:
    assert found(f"a: 1 {sign}\n") == [(1, 6, 1)]


@pytest.mark.parametrize("sign", ["# gateway allow", "# gateway: allowed", "# the gateway: allow"])
def test_other_comments_are_nobodys_business(sign: str) -> None:
    assert found(f"a: 1 {sign}\n") == []


NO_COMMENTS = [
    f'a: "b {ALLOW}"\n',
    f"a: 'b {ALLOW}'\n",
    f'a: "b\n  {ALLOW}\n  c"\n',
    f"a: |\n  b {ALLOW}\n  {ALLOW}\n",
    f"a: >-\n  {ALLOW}\n\n  {ALLOW}\nb: 1\n",
    f"a: b{ALLOW}\n",
    f'"a {ALLOW}": b\n',
    f"# a: 1 {ALLOW}\nb: 1\n",
]


@pytest.mark.parametrize("text", NO_COMMENTS)
def test_text_that_looks_like_one_is_none(text: str) -> None:
    """So is a comment in a line that is commented out."""
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f'a: "{ALLOW}" {ALLOW}\n', (1, 35, 1)),
        (f"a: | {ALLOW}\n  {ALLOW}\n", (1, 6, 1)),
        (f"a: |\n  b\n{ALLOW}\nb: 1\n", (3, 1, 4)),
        (f'a: ["#", {ALLOW}\n  b]\n', (1, 10, 1)),
        (f"a: b#c {ALLOW}\n", (1, 8, 1)),
    ],
)
def test_behind_and_below_such_text_it_is_one(text: str, place: tuple[int, int, int]) -> None:
    assert found(text) == [place]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x85", "\u2028"])
def test_lines_are_counted_as_places_count_them(end: str) -> None:
    """YAML 1.1 knows more ends of a line than Python's own files do."""
    document = part_of(f"a: 1{end}b: 2 {ALLOW}{end}").document
    [comment] = document.comments

    assert comment.covers == document.key_place(("b",)).line == 2


def test_a_byte_order_mark_is_no_part_of_the_line() -> None:
    assert found(f"\ufeffa: 1 {ALLOW}\n") == [(1, 6, 1)]


PIECES = st.sampled_from(
    ["a: ", "b", '"', "'", "\n", "  ", "- ", "|", "#", " # ", f" {ALLOW}", "\\", ",", "[", "]"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_is_found_is_what_can_be_taken_out_without_a_change_of_meaning(text: str) -> None:
    """The parser itself is the judge of what is a comment."""
    before = part_of(text).document
    if not before.complete:
        return
    lines = text.split("\n")
    for comment in before.comments:
        line = lines[comment.place.line - 1]
        lines[comment.place.line - 1] = line[: comment.place.column - 1]

    assert loaded("\n".join(lines)) == loaded(text)


def loaded(text: str) -> object:
    # As the gateway reads it: libyaml takes `|#`, which the parser in Python refuses.
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
