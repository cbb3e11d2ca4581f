"""Telling a parser that was stopped from input that is wrong, and both from a bug."""

import httptools
import pytest

from gateway.decision.reason import Reason
from gateway.http.reading.faults import Fault, StopParsing, was_stopped


class Raising:
    """Takes a parser's callbacks, and raises *error* in the first."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def on_message_begin(self) -> None:
        if self.error is not None:
            raise self.error


def error_of(data: bytes, error: Exception | None) -> httptools.HttpParserError:
    parser = httptools.HttpRequestParser(Raising(error))
    with pytest.raises(httptools.HttpParserError) as found:
        parser.feed_data(data)
    return found.value


def test_a_callback_that_stops_the_parser_is_no_fault_of_the_input() -> None:
    assert was_stopped(error_of(b"GET / HTTP/1.1\r\n\r\n", StopParsing()))


def test_input_that_is_wrong_did_not_stop_by_itself() -> None:
    assert not was_stopped(error_of(b"nonsense\r\n\r\n", None))


def test_a_bug_in_a_callback_is_not_hidden() -> None:
    with pytest.raises(httptools.HttpParserCallbackError):
        was_stopped(error_of(b"GET / HTTP/1.1\r\n\r\n", ValueError("a bug")))


def test_a_fault_says_why_in_words() -> None:
    fault = Fault(Reason.TARGET_TOO_LONG, "the target is too long")

    assert (fault.reason, fault.detail, str(fault)) == (
        Reason.TARGET_TOO_LONG,
        "the target is too long",
        "the target is too long",
    )
