"""A value comes back from the browser whole, or not at all."""

from http.cookies import SimpleCookie

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.http.reading.cookies import SESSION_COOKIE
from gateway.login.cookies import (
    CHUNK_BYTES,
    MAX_CHUNKS,
    clear_cookie,
    clear_session,
    cookie_bytes,
    join_chunks,
    login_cookie_name,
    set_cookie,
    set_session,
    split_chunks,
)
from gateway.settings.values.login import MOST_COOKIE_BYTES

BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ATTRIBUTES = "; Path=/; Secure; HttpOnly; SameSite=Lax"


@st.composite
def values(draw: st.DrawFn, least: int = 1) -> str:
    """Return a value of any length that chunks have room for, cheaply."""
    beginning = draw(st.text(BASE64URL, min_size=1, max_size=20))
    length = draw(st.integers(least, (CHUNK_BYTES - 20) * MAX_CHUNKS))
    return (beginning * (length // len(beginning) + 1))[:length]


long_values = values(CHUNK_BYTES + 1)


@given(values())
def test_a_value_comes_back(value: str) -> None:
    assert join_chunks(dict(split_chunks(value))) == value


@given(values(), st.randoms())
def test_the_order_of_cookies_does_not_matter(value: str, random: object) -> None:
    chunks = split_chunks(value)

    assert join_chunks(dict(reversed(chunks))) == value


@given(values())
def test_a_browser_keeps_every_chunk(value: str) -> None:
    """RFC 6265 §6.1: at least 4,096 bytes for a cookie, name, value and attributes together."""
    for name, part in split_chunks(value):
        assert len(set_cookie(name, part, 10**9)) < 4096


@given(values())
def test_the_size_in_cookies_is_never_said_too_small(value: str) -> None:
    field = "; ".join(f"{name}={part}" for name, part in split_chunks(value))

    assert len(field) <= cookie_bytes(len(value)) <= len(field) + 3 * MAX_CHUNKS + 2


def test_a_value_that_fits_is_one_cookie_with_the_plain_name() -> None:
    assert split_chunks("a" * CHUNK_BYTES) == [(SESSION_COOKIE, "a" * CHUNK_BYTES)]
    names = [name for name, _ in split_chunks("a" * (CHUNK_BYTES + 1))]
    assert names == ["__Host-session.1", "__Host-session.2"]


@pytest.mark.parametrize("size", [4096, 12 * 1024, MOST_COOKIE_BYTES])
def test_the_cookies_of_any_limit_are_not_too_many(size: int) -> None:
    length = max(n for n in range(size) if cookie_bytes(n) <= size)

    assert join_chunks(dict(split_chunks("a" * length))) == "a" * length


def test_too_many_chunks_are_an_error() -> None:
    with pytest.raises(ValueError, match="takes 11 cookies, and at most 10"):
        split_chunks("a" * CHUNK_BYTES * MAX_CHUNKS)


@given(long_values, st.data())
def test_a_missing_chunk_is_no_session(value: str, data: st.DataObject) -> None:
    chunks = dict(split_chunks(value))
    del chunks[data.draw(st.sampled_from(sorted(chunks)))]

    assert join_chunks(chunks) is None


@given(long_values, long_values, st.data())
def test_chunks_of_two_values_are_no_session(one: str, two: str, data: st.DataObject) -> None:
    assume(one != two)
    first, second = dict(split_chunks(one)), dict(split_chunks(two))
    name = data.draw(st.sampled_from(sorted(set(first) & set(second))))
    assume(first[name] != second[name])

    assert join_chunks({**first, name: second[name]}) is None


@given(long_values, st.data())
def test_chunks_that_changed_places_are_no_session(value: str, data: st.DataObject) -> None:
    chunks = dict(split_chunks(value))
    one, two = data.draw(st.permutations(sorted(chunks)))[:2]
    assume(chunks[one] != chunks[two])

    assert join_chunks({**chunks, one: chunks[two], two: chunks[one]}) is None


@given(long_values, st.sampled_from(["0", "01", "11", "99", "", "x", "1.1", "-1", "\u0661"]))
def test_a_chunk_with_another_number_is_no_session(value: str, number: str) -> None:
    chunks = dict(split_chunks(value))
    some = next(iter(chunks.values()))

    assert join_chunks({**chunks, f"{SESSION_COOKIE}.{number}": some}) is None
    assert join_chunks({f"{SESSION_COOKIE}.{number}": some}) is None


def test_a_whole_value_beside_chunks_is_no_session() -> None:
    assert join_chunks({SESSION_COOKIE: "a", **dict(split_chunks("a" * 5000))}) is None


@pytest.mark.parametrize(
    "value",
    ["", " ", "a b", "a=", 'a"', "a;b", "a,b", "é", "\ud800", "a\n", "a" * (CHUNK_BYTES + 1)],
)
def test_what_no_store_gave_is_no_session(value: str) -> None:
    assert join_chunks({SESSION_COOKIE: value}) is None


@given(
    st.dictionaries(
        st.sampled_from([SESSION_COOKIE, *(f"{SESSION_COOKIE}.{n}" for n in range(12))]),
        st.text() | st.from_regex(r"[0-9]-[0-9a-f]{8}-[a-z]*", fullmatch=True),
    )
)
def test_any_cookies_are_a_value_or_none(cookies: dict[str, str]) -> None:
    value = join_chunks(cookies)

    assert value is None or dict(split_chunks(value)) == cookies


def test_other_cookies_do_not_matter() -> None:
    other = {"__Host-login-0123456789ab": "x", "__Host-sessions": "y", "session": "z"}

    assert join_chunks({**other, SESSION_COOKIE: "abc"}) == "abc"
    assert join_chunks(other) is None


def test_the_attributes_are_those_that_the_prefix_demands() -> None:
    """10017.2, RFC 6265bis §4.1.3.2."""
    assert set_cookie(SESSION_COOKIE, "abc") == f"__Host-session=abc{ATTRIBUTES}"
    assert set_cookie("__Host-login-0", "a", 600) == f"__Host-login-0=a{ATTRIBUTES}; Max-Age=600"
    assert clear_cookie(SESSION_COOKIE) == f"__Host-session={ATTRIBUTES}; Max-Age=0"


def test_another_implementation_reads_what_is_set() -> None:
    cookie = SimpleCookie(set_cookie(SESSION_COOKIE, "abc", 5))[SESSION_COOKIE]

    assert (cookie.value, cookie["path"], cookie["secure"]) == ("abc", "/", True)
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", "5")
    assert cookie["domain"] == ""


def browser(kept: dict[str, str], fields: list[str]) -> dict[str, str]:
    """Return the cookies of a browser after a response with these Set-Cookie fields."""
    kept = dict(kept)
    for field in fields:
        name, _, value = field.partition(";")[0].partition("=")
        kept.pop(name, None)
        if "Max-Age=0" not in field:
            kept[name] = value
    return kept


@given(st.lists(values(), min_size=1, max_size=4))
def test_whatever_the_browser_had_the_last_value_is_the_session(several: list[str]) -> None:
    kept: dict[str, str] = {"theme": "dark"}
    for value in several:
        kept = browser(kept, set_session(value, kept))
        assert join_chunks(kept) == value
        assert kept["theme"] == "dark"
    assert browser(kept, clear_session(kept)) == {"theme": "dark"}


def test_odd_cookies_of_the_session_are_removed_with_it() -> None:
    """Else one that lost a chunk, or kept one too many, could never log in again."""
    kept = {"__Host-session": "a", "__Host-session.1": "b", "__Host-session.7": "c"}

    assert join_chunks(browser(kept, set_session("new", kept))) == "new"
    assert browser(kept, clear_session(kept)) == {}


def test_each_login_under_way_has_a_cookie_of_its_own() -> None:
    names = {login_cookie_name(state) for state in ("a", "b", "é")}

    assert len(names) == 3
    assert all(len(name) == len("__Host-login-") + 12 for name in names)
    assert login_cookie_name("a") == "__Host-login-ca978112ca1b"
