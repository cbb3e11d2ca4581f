"""Logins under way: in the browser that began them, sealed, few, and not for long."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.http.reading.cookies import LOGIN_COOKIE
from gateway.login.cookies import login_cookie_name
from gateway.login.requests import StepUpWanted
from gateway.login.sealing import KeyRing
from gateway.login.under_way import (
    MAX_AGE_SECONDS,
    MAX_BYTES,
    MAX_LOGINS,
    LoginUnderWay,
    find_login,
    keep_login,
)

RING = KeyRing([b"k" * 32])
LOGIN = LoginUnderWay(
    "web", "https://login.example.com/", "https://app.example.com", "state-1", "nonce", "verifier",
    "/app/x", 1000.0, StepUpWanted(("mfa",), 60),
)  # fmt: skip


def keep(login: LoginUnderWay, cookies: dict[str, str]) -> dict[str, str]:
    """Return the cookies of a browser that began *login*."""
    field, gone = keep_login(login, RING, cookies)
    name, _, rest = field.partition("=")
    left = {one: value for one, value in cookies.items() if one not in gone}
    return {**left, name: rest.partition(";")[0]}


def test_a_login_is_found_by_its_state_only() -> None:
    cookies = keep(LOGIN, {})

    assert find_login("state-1", RING, cookies) == LOGIN
    assert find_login("state-2", RING, cookies) is None
    assert find_login("state-1", RING, {}) is None
    assert find_login("state-1", KeyRing([b"o" * 32]), cookies) is None


def test_a_cookie_under_the_name_of_another_login_is_not_believed() -> None:
    (value,) = keep(LOGIN, {}).values()

    assert find_login("state-2", RING, {login_cookie_name("state-2"): value}) is None


def test_a_cookie_ends_with_the_login() -> None:
    field, _ = keep_login(LOGIN, RING, {})

    assert f"; Max-Age={MAX_AGE_SECONDS}" in field
    assert not LOGIN.is_over(1000.0 + MAX_AGE_SECONDS - 1)
    assert LOGIN.is_over(1000.0 + MAX_AGE_SECONDS)
    assert LOGIN.is_over(1000.0 - MAX_AGE_SECONDS)


@given(st.lists(st.integers(0, 2048), min_size=1, max_size=30))
def test_a_browser_keeps_few_logins_and_the_newest_of_them(lengths: list[int]) -> None:
    """CVE-2024-24814: state cookies without a limit."""
    cookies: dict[str, str] = {}
    for index, length in enumerate(lengths):
        login = replace(
            LOGIN, state=f"s{index}", return_to="/" + "a" * length, begun_at=float(index)
        )
        cookies = keep(login, cookies)

    kept = [index for index in range(len(lengths)) if login_cookie_name(f"s{index}") in cookies]
    assert kept == list(range(len(lengths) - len(kept), len(lengths)))
    assert 1 <= len(kept) <= MAX_LOGINS
    assert sum(len(name) + len(value) for name, value in cookies.items()) <= MAX_BYTES


def test_what_cannot_be_opened_goes_first() -> None:
    cookies = {f"{LOGIN_COOKIE}{index:012}": "x" for index in range(3)}
    for index in range(MAX_LOGINS - 3):
        cookies = keep(replace(LOGIN, state=f"s{index}"), cookies)

    _, gone = keep_login(replace(LOGIN, state="new"), RING, cookies)

    assert gone == [f"{LOGIN_COOKIE}{0:012}"]


def test_nothing_secret_is_shown() -> None:
    assert "nonce" not in repr(LOGIN).replace("nonce=", "")
    assert "verifier" not in repr(LOGIN)
    assert "state-1" not in repr(LOGIN)
