"""Our own cookies are told apart from those of services, and never mixed up with them."""

import re
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.http.reading.cookies import (
    MOST_COOKIES,
    NO_OWN_COOKIES,
    OwnCookies,
    kept_private,
    renewed_cookies,
    sets_own_cookie,
    split_cookies,
    without_own_cookies,
)

LOGIN = "__Host-login-0123456789ab"

CASES = [
    ("a=1; b=2", "a=1; b=2", {}),
    ("a=1; __Host-session=x; b=2", "a=1; b=2", {"__Host-session": "x"}),
    ("__Host-session=x", "", {"__Host-session": "x"}),
    ("__Host-session=x; a=1", "a=1", {"__Host-session": "x"}),
    ("a=1;__Host-session=x", "a=1", {"__Host-session": "x"}),
    ("a;__Host-session=1;;b ", "a;;b ", {"__Host-session": "1"}),
    (
        "__Host-session.1=x; __Host-session.2=y",
        "",
        {"__Host-session.1": "x", "__Host-session.2": "y"},
    ),
    (f"{LOGIN}=s; c=1", "c=1", {LOGIN: "s"}),
    # Not ours, however alike.
    ("__Host-sessions=1; __Host-other=2", "__Host-sessions=1; __Host-other=2", {}),
    ("__Host-login-state=1", "__Host-login-state=1", {}),
    ("session=1; Host-session=2", "session=1; Host-session=2", {}),
    ("consent=__Host-session|x", "consent=__Host-session|x", {}),
    ("x__Host-session=1", "x__Host-session=1", {}),
    # Ours to some reader, so it goes; but none of them logs anybody in.
    ("__HOST-SESSION=1; b=c", "b=c", {}),
    ("__Host-session", "", {}),
    ("__Host-session=", "", {}),
    ("=__Host-session=s; q=1", "q=1", {}),
    ("a=1, __Host-session=x; b=1", "b=1", {}),
    ("__Host-session =1; z=2", "z=2", {}),
    ('__Host-session="q"; b=1', "b=1", {}),
    ("__Host-session=a b", "", {}),
    ("__Host-session=a,b", "", {}),
    ("\xa0__Host-session=1", "", {}),
    ("a=\t__Host-session=1", "", {}),
    ('a="x; __Host-session=s; y"', 'a="x; y"', {"__Host-session": "s"}),
]  # fmt: skip


@pytest.mark.parametrize(("value", "rest", "own"), CASES)
def test_ours_are_split_from_the_rest(value: str, rest: str, own: dict[str, str]) -> None:
    found = split_cookies(value.encode("latin-1"))

    assert found.rest == rest.encode("latin-1")
    assert OwnCookies(found.own).all == own


@pytest.mark.parametrize(
    ("values", "left"),
    [
        (["__Host-session=a; __Host-session=b"], set()),
        (["__Host-session=a", "__Host-session=a"], set()),
        (["__Host-session.1=a; __Host-session.2=b; __Host-session.1=c"], set()),
        ([f"__Host-session=a; {LOGIN}=a; {LOGIN}=b"], {"__Host-session"}),
        ([f"__Host-session=a; {LOGIN}=a", "__Host-session=b"], {LOGIN}),
    ],
)
def test_a_name_that_comes_twice_is_nobodys(values: list[str], left: set[str]) -> None:
    cookies = OwnCookies([pair for one in values for pair in split_cookies(one.encode()).own])

    assert set(cookies.all) == left
    assert bool(cookies.key) is ("__Host-session" in left)


def test_of_more_than_a_browser_has_none_counts() -> None:
    many = [(f"__Host-session.{number}", "x") for number in range(MOST_COOKIES)]

    assert len(OwnCookies(many).all) == MOST_COOKIES
    more = OwnCookies([*many, (LOGIN, "y")])
    assert (dict(more.all), more.key, len(more.received)) == ({}, b"", MOST_COOKIES + 1)
    assert dict(OwnCookies([*more.received, ("__Host-session", "z")]).all) == {}


def test_a_browser_sends_what_it_was_given_last() -> None:
    own = OwnCookies([("__Host-session", "a"), ("__Host-session.1", "b"), (LOGIN, "l")])

    assert renewed_cookies(own, ()) is own
    renewed = renewed_cookies(
        own, (b"__Host-session=c; Path=/; Secure", b"__Host-session.1=; Max-Age=0")
    )
    assert dict(renewed.all) == {"__Host-session": "c", LOGIN: "l"}


def test_the_key_tells_sessions_apart_and_reveals_none() -> None:
    def key(*own: tuple[str, str]) -> bytes:
        return OwnCookies(own).key

    one, other = ("__Host-session.1", "a"), ("__Host-session.2", "b")
    assert key(one, other) == key(other, one) == key(one, other, (LOGIN, "x"))
    assert len({key(one), key(other), key(one, other), key(("__Host-session", "a"))}) == 4
    assert key((LOGIN, "x")) == NO_OWN_COOKIES.key == b""
    assert "a" not in repr(OwnCookies([one])).removeprefix("OwnCookies(__Host-session.1)")


# --- laws

_NAMES = ["__Host-session", "__Host-session.1", LOGIN, "__hOST-Session", "a", "__Host-x", ""]
_SEPARATORS = ["; ", ";", ";;", ", ", ",", " ", "\t", '"', "=", "\xa0", "'", ";\x85"]
cookie_values = st.lists(
    st.tuples(
        st.sampled_from(_SEPARATORS),
        st.sampled_from(_NAMES),
        st.sampled_from(["", "=", " =", '"=', "\xa0="]),
        st.sampled_from(["", "v", '"v"', "v v", '"', "x=y"]),
    ),
    max_size=6,
).map(lambda parts: "".join("".join(part) for part in parts))


def lax_names(value: str) -> set[str]:
    """Return every name that some reader of cookies may find in *value*."""
    cells = re.split(r"[;,\s\"']", value)
    names = {cell.partition("=")[0].strip() for cell in cells if "=" in cell}
    names |= {part.partition("=")[0].strip(" \t\"'") for part in value.split(";") if "=" in part}
    with suppress(CookieError):
        names |= set(SimpleCookie(value))
    return {name.lower() for name in names}


@given(value=cookie_values)
@example(value="a=;b= \t__Host-session=1")
def test_no_reader_of_what_is_left_finds_one_of_ours(value: str) -> None:
    rest = split_cookies(value.encode("latin-1")).rest.decode("latin-1")

    ours = {name.lower() for name in (*_NAMES[:3], "__Host-session")}
    assert not ours & lax_names(rest)


@given(value=st.text('abc=; ,"_-', max_size=30))
def test_without_ours_nothing_changes(value: str) -> None:
    assert split_cookies(value.encode()).rest == value.encode()


# --- responses


@pytest.mark.parametrize(
    ("value", "is_ours"),
    [
        (b" __Host-session=1; Path=/", True),
        (b"__host-SESSION.12=1", True),
        (b" =__Host-session=1", True),
        (b' "__Host-session"=1', True),
        (b" __Host-session", True),
        (f" {LOGIN}=".encode(), True),
        (b" a=1, __Host-session=2", True),
        (b" session=1", False),
        (b" __Host-sess=1", False),
        (b" __Secure-session=1", False),
    ],
)
def test_a_service_sets_none_of_ours(value: bytes, is_ours: bool) -> None:
    fields = b"\r\nSet-Cookie:%b\r\nX: __Host-session=1\r\nset-cookie: b=2" % value

    assert sets_own_cookie(value) is is_ours
    kept = without_own_cookies(fields)
    assert kept == (fields.replace(b"\r\nSet-Cookie:" + value, b"") if is_ours else fields)


PRIVATE = b"\r\nCache-Control: private"


@pytest.mark.parametrize(
    "control",
    [
        b"",
        b"\r\nCache-Control: max-age=60",
        b"\r\nCache-Control: no-cache, max-age=0",
        b'\r\nCache-Control: x="public"',
        b'\r\nCache-Control: max-age=60, x="a, public, b"',
        b'\r\nCache-Control: max-age=60, x="a\\", public"',
        b'\r\nCache-Control: max-age=60, private="set-cookie"',
        b"\r\nCache-Control: private=x",
        b"\r\nCache-Control: publicly",
        b"\r\nX-Cache-Control: public",
        b"\r\nCache-Control:\r\nX: public",
        b"\r\nExpires: Thu, 01 Jan 2037 00:00:00 GMT",
    ],
)
def test_9111_a_shared_cache_stores_no_response_by_session(control: bytes) -> None:
    """RFC 9111 §3.5 keeps those to requests with Authorization, which a browser does not send."""
    fields = b"\r\nA: 1" + control + b"\r\nB: 2"

    assert kept_private(fields) == fields + PRIVATE


@pytest.mark.parametrize(
    "control",
    [
        b"\r\nCache-Control: public",
        b"\r\ncache-control:public",
        b"\r\nCACHE-CONTROL: max-age=60,PUBLIC",
        b"\r\nCache-Control: max-age=60 , s-maxage=9",
        b"\r\nCache-Control: must-revalidate, max-age=1",
        b"\r\nCache-Control: private",
        b'\r\nCache-Control: x="a, b", private',
        b"\r\nCache-Control: no-store",
        b"\r\nCache-Control: private\r\nCDN-Cache-Control: max-age=60, public",
        b"\r\nCache-Control: max-age=60\r\nCache-Control: public",
    ],
)
def test_a_service_that_says_who_may_store_a_response_has_its_way(control: bytes) -> None:
    for fields in (control, b"\r\nA: 1" + control + b"\r\nB: 2"):
        assert kept_private(fields) == fields


def test_9213_a_field_for_shared_caches_alone_counts_by_itself() -> None:
    fields = b"\r\nCache-Control: public\r\ncdn-cache-control: max-age=60\r\nA: 1"

    assert kept_private(fields) == fields + b"\r\nCDN-Cache-Control: private"
