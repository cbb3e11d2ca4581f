"""Errors that nobody handled: logged with their place, seldom, and without what they quote."""

import asyncio
import errno
import os

import pytest

from gateway.telemetry.logs.unexpected_errors import UnexpectedErrors

SECRET = "eyJhbGciOiJFUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def errors(clock: Clock) -> UnexpectedErrors:
    return UnexpectedErrors(clock)


def fail(bug: BaseException) -> BaseException:
    """Return *bug*, raised here."""
    try:
        raise bug
    except type(bug) as raised:
        return raised


def hear(errors: UnexpectedErrors, bug: BaseException | None, message: str = "it failed") -> None:
    context = {"message": message} if bug is None else {"message": message, "exception": bug}
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(errors)
    loop.call_exception_handler(context)
    loop.close()


def test_an_error_is_logged_with_its_place(
    errors: UnexpectedErrors, caplog: pytest.LogCaptureFixture
) -> None:
    hear(errors, fail(TypeError("a bug")))

    (record,) = caplog.records
    assert record.levelname == "ERROR"
    first, *frames = record.getMessage().splitlines()
    assert first == "internal error: it failed: TypeError"
    assert any("test_unexpected_errors.py" in line and ", in fail" in line for line in frames)


@pytest.mark.parametrize(
    "bug",
    [
        KeyError(SECRET),
        ValueError(f"invalid literal for int() with base 10: '{SECRET}'"),
        ImportError(f"no module {SECRET}", name="cryptography.hazmat"),
        OSError(errno.EMFILE, os.strerror(errno.EMFILE), SECRET),
    ],
    ids=lambda bug: type(bug).__name__,
)
def test_what_an_error_quotes_is_not_logged(
    errors: UnexpectedErrors, caplog: pytest.LogCaptureFixture, bug: Exception
) -> None:
    """It may be a part of a token; nor is that of an error behind it."""
    outer = RuntimeError(SECRET)
    outer.__cause__ = fail(bug)

    hear(errors, fail(bug))
    hear(errors, fail(outer))

    assert len(caplog.records) == 2
    for record in caplog.records:
        assert SECRET not in record.getMessage()
        assert record.exc_info is None
    assert f"caused by {type(bug).__name__}" in caplog.text


def test_what_the_system_or_an_import_lacks_is_named(
    errors: UnexpectedErrors, caplog: pytest.LogCaptureFixture
) -> None:
    hear(errors, fail(OSError(errno.EMFILE, os.strerror(errno.EMFILE))))
    hear(errors, fail(ImportError("it is gone", name="cryptography.hazmat.backends")))

    assert "OSError: Too many open files" in caplog.text
    assert "ImportError: cryptography.hazmat.backends" in caplog.text


def test_the_same_again_is_counted_and_told_after_a_minute(
    errors: UnexpectedErrors, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(1000):
        hear(errors, fail(TypeError()))
    assert len(caplog.records) == 1

    clock.now += 61
    hear(errors, fail(TypeError()))

    assert len(caplog.records) == 2
    assert "(999 more like the last one since): TypeError" in caplog.records[1].getMessage()


def test_another_error_is_told_at_once(
    errors: UnexpectedErrors, caplog: pytest.LogCaptureFixture
) -> None:
    hear(errors, fail(TypeError()))
    hear(errors, fail(MemoryError()))
    hear(errors, fail(TypeError()), "something else failed")
    hear(errors, None, "without an error")

    assert len(caplog.records) == 4
    assert caplog.records[3].getMessage() == "internal error: without an error"


def test_an_error_that_is_its_own_cause_comes_to_an_end(
    errors: UnexpectedErrors, caplog: pytest.LogCaptureFixture
) -> None:
    bug = fail(TypeError())
    other = fail(ValueError())
    bug.__cause__, other.__cause__ = other, bug

    hear(errors, bug)

    assert len(caplog.records) == 1


def test_places_are_bounded(errors: UnexpectedErrors, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1000):
        hear(errors, None, f"number {number}")

    assert len(caplog.records) == 1000
    assert len(errors._places) <= 100
