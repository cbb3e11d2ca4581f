"""Questions that a page asks, each of which one browser may answer once."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from gateway.issuer.expiring import ExpiringTable

QUESTION_SECONDS = 600
_MAX_QUESTIONS = 1_000

_Question = TypeVar("_Question")


@dataclass(frozen=True, slots=True)
class _Asked(Generic[_Question]):
    browser: str = field(repr=False)
    question: _Question


class Questions(Generic[_Question]):
    """Questions under way. Their tokens protect the forms against CSRF.

    A token is good in the browser that was asked, once: another page can neither guess it nor
    bring one of its own.
    """

    def __init__(self, clock: Callable[[], float], new_secret: Callable[[], str]) -> None:
        self._new_secret = new_secret
        self._asked = ExpiringTable[str, _Asked[_Question]](_MAX_QUESTIONS, clock)

    def ask(self, browser: str, question: _Question) -> str:
        """Return the token for the form that asks *question* in *browser*, a secret of its."""
        token = self._new_secret()
        self._asked.put(token, _Asked(browser, question), QUESTION_SECONDS)
        return token

    def take(self, browser: str | None, token: str | None) -> _Question | None:
        """Return the question that is answered with *token*, if *browser* was asked it."""
        asked = self._asked.get(token or "")
        if asked is None or browser is None:
            return None
        if not hmac.compare_digest(asked.browser.encode(), browser.encode()):
            return None
        self._asked.pop(token or "")
        return asked.question
