"""Where the text of an identity header comes from."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.rules.claim_sources import (
    ClaimSource,
    FirstOf,
    Template,
    changeable_claim,
    claims_of,
    format_claim_source,
    parse_claim_source,
)

CLIENT = FirstOf((("client_id",), ("azp",), ("appid",), ("cid",)))


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("sub", ("sub",)),
        ("realm_access.roles", ("realm_access", "roles")),
        ('["https://example.com/{tenant}|id"]', ("https://example.com/{tenant}|id",)),
        ("client_id | azp | appid | cid", CLIENT),
        ("a  |  b", FirstOf((("a",), ("b",)))),
        ('["a|b"] | ["c | d"]', FirstOf((("a|b",), ("c | d",)))),
        ("{tid}/{oid | sub}", Template(("", "/", ""), ((("tid",),), (("oid",), ("sub",))))),
        ("user:{sub}", Template(("user:", ""), ((("sub",),),))),
        ("{sub}.", Template(("", "."), ((("sub",),),))),
        ("{ a } { b }", Template(("", " ", ""), ((("a",),), (("b",),)))),
        ('<{["a}b"]["c"]}>', Template(("<", ">"), ((("a}b", "c"),),))),
        ("{a}x/y{b}", Template(("", "x/y", ""), ((("a",),), (("b",),)))),
    ],
)
def test_a_source_is_a_claim_alternatives_or_a_template(text: str, source: ClaimSource) -> None:
    assert parse_claim_source(text) == source


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", "write `a | b`"),
        ("a |b", "write `a | b`"),
        ("{a|b}/{c}", "write `a | b`"),
        ("a | a", "`a` twice"),
        ("a | ", "not the name of a claim"),
        ("| a", "write ` | a`"),
        ("", "not the name of a claim"),
        (" sub", "not the name of a claim"),
        ("{}/{a}", "not the name of a claim"),
        ("{sub}", "write `sub`, without braces"),
        ("{oid | sub}", "write `oid | sub`, without braces"),
        ("{{sub}}/a", "lacks its other half"),
        ("{sub", "lacks its other half"),
        ("sub}", "lacks its other half"),
        ("{a}{b}", "between two claims write a sign"),
        ("{a}-{b}", "a value could contain '-'"),
        ("{a}_x.{b}", "between two claims write a sign"),
        ("{a}/{b}~{c}", "between two claims write a sign"),
        ("zoé/{a}", "printable ASCII"),
        ("50%/{a}", "without %"),
        ("{a}\t{b}", "printable ASCII"),
        ("{a}\r\nX-Admin: {b}", "printable ASCII"),
        (" {a}/{b}", "begin or end with a space"),
        ("{a}/ ", "begin or end with a space"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_what_to_write(
    text: str, written: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(written)):
        parse_claim_source(text)


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
ALTERNATIVES = st.lists(PATHS, min_size=1, max_size=3, unique=True).map(tuple)
LITERALS = st.text("ab-/:, ", max_size=3)


@st.composite
def templates(draw: st.DrawFn) -> Template:
    claims = draw(st.lists(ALTERNATIVES, min_size=1, max_size=3))
    inner = [f"{draw(LITERALS)}/" for _ in claims[1:]]
    first, last = draw(LITERALS).lstrip(" "), draw(LITERALS).rstrip(" ") + "."
    return Template((first, *inner, last), tuple(claims))


SOURCES = st.one_of(
    PATHS, ALTERNATIVES.map(lambda paths: FirstOf(paths) if paths[1:] else paths[0]), templates()
)


@given(SOURCES)
def test_every_source_is_read_back_from_its_text(source: ClaimSource) -> None:
    assert parse_claim_source(format_claim_source(source)) == source


@given(st.text('{}|[]"\\ab./% ', max_size=12))
def test_any_text_is_a_source_or_refused_and_never_an_error(text: str) -> None:
    try:
        source = parse_claim_source(text)
    except ValueError:
        return

    assert parse_claim_source(format_claim_source(source)) == source


def test_all_claims_of_a_source_are_known() -> None:
    assert claims_of(("a", "b")) == (("a", "b"),)
    assert claims_of(CLIENT) == CLIENT.paths
    assert claims_of(parse_claim_source("{tid}/{oid | sub}")) == (("tid",), ("oid",), ("sub",))


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("email", "email"),
        ("sub | email", "email"),
        ("upn | preferred_username", "preferred_username"),
        ("{tid}/{upn}", "upn"),
        ("{tid}/{oid | name}", "name"),
        ("{sub} {email}", None),
        ("{oid | sub}/{email}", None),
        ("oid | sub", None),
        ("tenant", None),
        ("contact.email", None),
    ],
)
def test_a_source_that_users_may_change_is_known_unless_what_lasts_is_beside_it(
    text: str, claim: str | None
) -> None:
    """OpenID Connect Core §5.7."""
    assert changeable_claim(parse_claim_source(text)) == claim
