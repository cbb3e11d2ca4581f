import json
from http import HTTPStatus

import pytest
from aiohttp import web

from gateway.admin.responses import json_object, problem, text


def test_a_problem_has_the_members_of_rfc_9457() -> None:
    answer = problem(HTTPStatus.NOT_FOUND, "no such path")

    assert answer.status == 404
    assert answer.content_type == "application/problem+json"
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no such path",
    }


def test_a_problem_carries_further_members_and_headers() -> None:
    answer = problem(HTTPStatus.METHOD_NOT_ALLOWED, "no", {"more": [1]}, {"Allow": "GET"})

    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["more"] == [1]
    assert answer.headers["Allow"] == "GET"


@pytest.mark.parametrize(
    "answer", [text(b"ok"), json_object({}), problem(HTTPStatus.NOT_FOUND, "")]
)
def test_no_answer_is_kept_or_guessed_at(answer: web.Response) -> None:
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_json_has_no_numbers_that_other_readers_refuse() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_object({"age": float("nan")})
