"""Questions of pages."""

import itertools

import pytest

from gateway.issuer.state.questions import QUESTION_SECONDS, Questions
from tests.issuer.running import HandClock


def new_questions() -> tuple[Questions[str], HandClock]:
    numbers = itertools.count(1)
    clock = HandClock()
    return Questions[str](clock, lambda: f"token-{next(numbers)}"), clock


def test_a_question_is_answered_once() -> None:
    questions, _ = new_questions()
    token = questions.ask("browser", "?")

    assert questions.take("browser", token) == "?"
    assert questions.take("browser", token) is None


@pytest.mark.parametrize("browser", [None, "", "other", "brows\u00ebr"])
def test_another_browser_cannot_answer_and_takes_nothing_away(browser: str | None) -> None:
    questions, _ = new_questions()
    token = questions.ask("browser", "?")

    assert questions.take(browser, token) is None
    assert questions.take("browser", token) == "?"


@pytest.mark.parametrize("token", [None, "", "made-up"])
def test_a_token_that_was_never_given_answers_nothing(token: str | None) -> None:
    questions, _ = new_questions()
    questions.ask("browser", "?")

    assert questions.take("browser", token) is None


def test_a_question_is_forgotten() -> None:
    questions, clock = new_questions()
    token = questions.ask("browser", "?")
    clock.now += QUESTION_SECONDS

    assert questions.take("browser", token) is None
