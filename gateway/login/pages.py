"""Write the pages and problems of logins: plain, without scripts, and nothing of a request in them.

A page is for a person, a problem (RFC 9457) for a program: the field Accept tells which.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from gateway.decision.reason import Reason
from gateway.login.requests import LoginResponse

# No script, no frame around it, and no Referer that would tell another site its query.
_PAGE_FIELDS: Final = (
    ("Content-Type", "text/html; charset=utf-8"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
_NOSNIFF: Final = ("X-Content-Type-Options", "nosniff")

_STYLE: Final = (
    ":root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}"
    "body{max-width:32rem;margin:15vh auto;padding:0 1rem}"
    "ul{list-style:none;padding:0}li{margin:.5rem 0}small{opacity:.7}"
)

# What a person can do about it.
_ADVICE: Final = {
    Reason.LOGIN_FAILED: "Nobody was logged in. It may help to try again.",
    Reason.LOGIN_UNAVAILABLE: "Please try again in a moment.",
    Reason.SESSIONS_UNAVAILABLE: "Please try again in a moment.",
    Reason.LOGIN_MISDIRECTED: "Please check the address.",
}
_RETRY_AFTER: Final = {Reason.LOGIN_UNAVAILABLE: "5", Reason.SESSIONS_UNAVAILABLE: "1"}


def wants_page(accept: str) -> bool:
    """Return whether a client that sent *accept* names HTML in it."""
    return "text/html" in accept.lower()


def refuse(  # noqa: PLR0913 - named by every caller
    reason: Reason,
    detail: str,
    *,
    accept: str = "",
    again: str = "",
    fields: Sequence[tuple[str, str]] = (),
    members: Mapping[str, object] | None = None,
) -> LoginResponse:
    """Return the refusal for *reason*; *detail* is for the log alone.

    A page links to *again*, where a login begins. *members* are extensions of a problem.
    """
    retry = _RETRY_AFTER.get(reason)
    more = (*fields, *(() if retry is None else (("Retry-After", retry),)))
    if wants_page(accept):
        body = _page(reason.title, _failure(reason, again))
        return LoginResponse(reason.status, (*_PAGE_FIELDS, *more), body, reason, detail)
    problem = {
        "type": f"urn:jwt-gateway:reason:{reason.code}",
        "title": reason.title,
        "status": reason.status,
        "detail": reason.title,
        "reason": reason.code,
        **(members or {}),
    }
    content = (("Content-Type", "application/problem+json"), _NOSNIFF)
    body = json.dumps(problem).encode("ascii")
    return LoginResponse(reason.status, (*content, *more), body, reason, detail)


def answer_json(
    members: Mapping[str, object], fields: Sequence[tuple[str, str]] = ()
) -> LoginResponse:
    """Return 200 with *members*, which pages of this origin alone may read."""
    body = json.dumps(members).encode("ascii")
    content = (
        ("Content-Type", "application/json"),
        _NOSNIFF,
        ("Cross-Origin-Resource-Policy", "same-origin"),
    )
    return LoginResponse(200, (*content, *fields), body)


def redirect(status: int, location: str, fields: Sequence[tuple[str, str]] = ()) -> LoginResponse:
    """Return a redirect to *location*, which no other site learns the query of this URL from."""
    return LoginResponse(
        status, (("Location", location), ("Referrer-Policy", "no-referrer"), *fields)
    )


def choice_page(links: Mapping[str, str]) -> LoginResponse:
    """Return a page to choose a login from: *links* are their URLs by name."""
    items = "".join(
        f'<li><a href="{escape(url)}" rel="nofollow">{escape(name)}</a></li>'
        for name, url in links.items()
    )
    return LoginResponse(200, _PAGE_FIELDS, _page("Log in", f"<ul>{items}</ul>"))


def _failure(reason: Reason, again: str) -> str:
    advice = _ADVICE.get(reason, "")
    link = f'<p><a href="{escape(again)}" rel="nofollow">Log in again</a></p>' if again else ""
    return f"<p>{advice}</p>{link}<p><small>{reason.code}</small></p>"


def _page(title: str, content: str) -> bytes:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{content}</body></html>\n"
    ).encode()
