"""Where a browser goes after a login: never to another origin."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.login.signing_in import MAX_RETURN_TO_BYTES, check_return_to


@pytest.mark.parametrize(
    "text", ["/", "/app/x", "/app/?a=//evil.example/", "/a%20b?x=%0a", "/oauth", "/oauthx/login"]
)
def test_a_page_of_the_same_origin_is_kept(text: str) -> None:
    assert check_return_to(text, "/oauth") == text


@pytest.mark.parametrize(
    "text",
    [
        "", "app", "https://evil.example/", "javascript:alert(1)", "?x",
        "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/a\\b",
        "/\t/evil.example", "/\n/evil.example", "/\r\nSet-Cookie: a=b", " /app", "/app x", "/\x00",
        "/app/../x", "/./x", "/a//b", "/%2e%2e/x", "/a%2fb", "/a%5cb", "/\N{SNOWMAN}", "/a#b",
        "/oauth/login?to=/oauth/login", "/oauth/logout", "/" + "a" * MAX_RETURN_TO_BYTES,
    ],
)  # fmt: skip
def test_any_other_text_leads_to_the_start_page(text: str) -> None:
    """9700.10, CVE-2021-32786: no open redirector."""
    assert check_return_to(text, "/oauth") == "/"


@given(st.text("/\\.:@?#%abc\t\n 0025efEF", max_size=12) | st.text(max_size=12))
def test_no_text_leads_to_another_origin(text: str) -> None:
    there = urljoin("https://app.example.com/oauth/callback", check_return_to(text, "/oauth"))

    assert urlsplit(there)[:2] == ("https", "app.example.com")
