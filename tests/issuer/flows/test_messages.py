"""Responses of all flows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.issuer.flows.messages import error_reply, json_reply, redirect_reply
from gateway.issuer.requests.parameters import OAuthError
from tests.issuer.running import Browser, RunningIssuer

texts = st.none() | st.text()


@given(texts, texts)
def test_a_redirect_carries_its_parameters_and_not_a_byte_more(
    state: str | None, code: str | None
) -> None:
    """9700.17. Whatever a client sends as `state` stays one parameter: no header, no second one."""
    reply = redirect_reply("http://localhost/cb", {"state": state, "code": code})

    location = reply.headers["Location"]
    assert location.isascii()
    assert location.isprintable()
    assert location.count("&") == (state is not None and code is not None)
    assert reply.status == 303
    assert reply.headers["Cache-Control"] == "no-store"


def test_a_query_that_is_there_stays() -> None:
    """RFC 6749 §3.1.2."""
    assert redirect_reply("http://localhost/cb?a=1", {"b": "2"}).headers["Location"] == (
        "http://localhost/cb?a=1&b=2"
    )
    assert redirect_reply("http://localhost/cb", {}).headers["Location"] == "http://localhost/cb"


def test_what_holds_tokens_or_errors_is_not_stored() -> None:
    """RFC 6749 §5.1."""
    for reply in (json_reply({}), error_reply(OAuthError("invalid_client", "x", 401, True))):
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["Pragma"] == "no-cache"


@pytest.mark.parametrize("query", ["%FF=1", "a=1&" * 60])
async def test_a_query_that_is_no_form_is_a_page(browser: Browser, query: str) -> None:
    for path in ("/authorize", "/device", "/logout"):
        assert (await browser.get(f"{path}?{query}")).status == 400


@pytest.mark.parametrize(
    "path", ["/authorize", "/authorize/answer", "/device/answer", "/logout", "/logout/answer"]
)
async def test_a_body_that_is_no_form_is_a_page(issuer: RunningIssuer, path: str) -> None:
    async with issuer.client.post(issuer.origin + path, json={"a": 1}) as answer:
        assert answer.status == 400
        assert answer.content_type == "text/html"
