"""Pages and problems of logins: plain, and without a word of the request."""

import json

import pytest

from gateway.decision.reason import Reason
from gateway.login.pages import answer_json, choice_page, redirect, refuse, wants_page

HTML = "text/html,application/xhtml+xml"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [(HTML, True), ("TEXT/HTML;q=0.9", True), ("*/*", False), ("", False), ("text/*", False)],
)
def test_a_page_is_for_those_who_name_it(accept: str, wanted: bool) -> None:
    assert wants_page(accept) is wanted


def test_a_page_has_no_script_and_no_frame_around_it() -> None:
    page = refuse(Reason.LOGIN_FAILED, "secret detail", accept=HTML, again='/"><script>')
    fields = dict(page.fields)

    assert (page.status, page.reason, page.detail) == (400, Reason.LOGIN_FAILED, "secret detail")
    assert fields["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in fields["Content-Security-Policy"]
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert b"<script" not in page.body
    assert b"secret" not in page.body


def test_a_problem_has_the_reason_and_more_members() -> None:
    problem = refuse(Reason.LOGIN_REQUIRED, "x", members={"login": "https://a/b"})

    assert json.loads(problem.body) == {
        "type": "urn:jwt-gateway:reason:login_required",
        "title": "A login is required",
        "status": 401,
        "detail": "A login is required",
        "reason": "login_required",
        "login": "https://a/b",
    }


@pytest.mark.parametrize(
    ("reason", "seconds"),
    [
        (Reason.LOGIN_UNAVAILABLE, ["5"]),
        (Reason.SESSIONS_UNAVAILABLE, ["1"]),
        (Reason.LOGIN_FAILED, []),
    ],
)
def test_what_passes_says_when_to_come_again(reason: Reason, seconds: list[str]) -> None:
    refusal = refuse(reason, "x", accept=HTML)

    assert [value for name, value in refusal.fields if name == "Retry-After"] == seconds


def test_names_and_links_of_a_choice_are_escaped() -> None:
    page = choice_page({"<b>&": '/oauth/login?to="&login=b'})

    assert b'href="/oauth/login?to=&quot;&amp;login=b"' in page.body
    assert b">&lt;b&gt;&amp;</a>" in page.body


def test_a_redirect_sends_no_referrer_on() -> None:
    assert redirect(303, "/x", [("Set-Cookie", "a=b")]).fields == (
        ("Location", "/x"),
        ("Referrer-Policy", "no-referrer"),
        ("Set-Cookie", "a=b"),
    )


def test_json_is_for_pages_of_this_origin() -> None:
    response = answer_json({"a": "\N{SNOWMAN}"}, [("X", "y")])

    assert (response.status, response.body) == (200, b'{"a": "\\u2603"}')
    assert ("Cross-Origin-Resource-Policy", "same-origin") in response.fields
    assert ("X", "y") in response.fields
