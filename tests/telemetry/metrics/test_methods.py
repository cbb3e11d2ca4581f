"""Methods have few names, whatever clients make up."""

import pytest

from gateway.telemetry.metrics.response_times import known_method


@pytest.mark.parametrize(
    ("method", "known"),
    [("GET", "GET"), ("PATCH", "PATCH"), ("PURGE", "_OTHER"), ("get", "_OTHER"), ("", "_OTHER")],
)
def test_methods_are_those_of_the_conventions(method: str, known: str) -> None:
    assert known_method(method) == known
