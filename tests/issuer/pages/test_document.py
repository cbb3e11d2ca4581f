"""The frame of every page."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from gateway.issuer.pages.document import BANNER, page_fields, render_document


def test_every_page_says_that_it_is_for_development_only() -> None:
    page = render_document("A title", "<p>text</p>")

    assert BANNER in page
    assert "development issuer</title>" in page


def test_the_policy_allows_the_style_of_the_page_and_nothing_else() -> None:
    style = re.search(r"<style>(.*)</style>", render_document("A title", ""), re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()

    fields = page_fields()

    assert fields["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert fields["Cache-Control"] == "no-store"
    assert fields["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("http://localhost:8080/oauth/callback", "http://localhost:8080"),
        ("http://[::1]:1/callback", "http:"),
    ],
)
def test_a_form_may_lead_back_to_the_client(uri: str, source: str) -> None:
    policy = page_fields([uri])["Content-Security-Policy"]

    assert f"form-action 'self' {source};" in policy


def test_a_title_is_text() -> None:
    assert "<b>" not in render_document("<b>", "")
