"""A question is parsed strictly, and an error repeats none of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.admin.explain import BadQuestionError, parse_question


def parse(**members: Any) -> Any:
    return parse_question(json.dumps({"url": "https://a.example/b", **members}).encode())


def test_a_url_is_enough() -> None:
    question = parse()

    assert question.request.line == "GET a.example/b"
    assert (question.token, question.client) == (None, "192.0.2.1")


def test_method_headers_token_and_client_are_taken() -> None:
    question = parse(
        method="PUT", headers={"A": "1 ", "B": ["2", "3"]}, token="x.y.z", client="2001:DB8::1"
    )

    assert question.request.method == "PUT"
    assert question.session is None
    assert parse(token="x.y.z", session="web").session == "web"
    assert question.request.headers == (("A", "1"), ("B", "2"), ("B", "3"))
    assert (question.token, question.client) == (b"x.y.z", "2001:db8::1")


def test_a_question_does_not_show_its_token() -> None:
    """6750.10."""
    assert "hush" not in repr(parse(token="hush"))


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"url": "hush"}, "not a URL"),
        ({"url": 7}, "`url` is a string"),
        ({"url": None}, "`url` is a string"),
        ({"method": "hu sh"}, "not a method"),
        ({"method": []}, "`method` is a string"),
        ({"headers": []}, "`headers` is an object"),
        ({"headers": {"A": 1}}, "the value of a header is a string"),
        ({"headers": {"A": ["1", None]}}, "the value of a header is a string"),
        ({"headers": {"hu sh": "1"}}, "not the name of a header field"),
        ({"headers": {"A": "hush\r\n"}}, "the value of A has control characters"),
        ({"headers": {"hOST": "hush"}}, "the host belongs in `url`"),
        ({"headers": {"Authorization": "Bearer hush"}}, "a token in `token`"),
        ({"token": ""}, "one word"),
        ({"token": "hu sh"}, "one word"),
        ({"token": "hush\r\nX: 1"}, "one word"),
        ({"token": "h\u00fcsh"}, "one word"),
        ({"token": None}, "`token` is a string"),
        ({"session": "web"}, "`session` is the login of `token`, which is missing"),
        ({"session": 1, "token": "t"}, "`session` is a string"),
        ({"client": "hush"}, "`client` is an IP address"),
        ({"client": 7}, "`client` is a string"),
        ({"hush": 1}, "the only members are method, url, headers, token, session, client"),
    ],
)
def test_what_is_wrong_is_said_and_not_repeated(members: dict[str, Any], problem: str) -> None:
    """6750.10: whatever was in the wrong place may have been a token."""
    with pytest.raises(BadQuestionError, match=problem) as refused:
        parse(**members)

    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"url": "a", "url": "b"}', b"\xff"])
def test_what_is_no_json_object_is_no_question(body: bytes) -> None:
    with pytest.raises(BadQuestionError, match="the body is not a JSON object"):
        parse_question(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_MEMBERS = st.sampled_from(["method", "url", "headers", "token", "client", "other"])


@given(members=st.dictionaries(_MEMBERS, _JSON | st.just("https://a.example/b")))
def test_any_object_is_a_question_or_none(members: dict[str, Any]) -> None:
    try:
        question = parse_question(json.dumps(members).encode())
    except BadQuestionError as refused:
        outcome: object = str(refused)
    else:
        outcome = question.request.target
    assert outcome
