"""How long each part of the drain takes, in the short form and in the long one."""

from pathlib import Path

import pytest

from tests.settings.configs import assert_found, config, load

TIMES = [
    ("", (30, 0, 15)),
    ("drain: 10s\n", (10, 0, 5)),
    ("drain: 0s\n", (0, 0, 0)),
    ("drain: {}\n", (30, 0, 15)),
    ("drain: {delay: 5s}\n", (30, 5, 15)),
    ("drain: {deadline: 1m, delay: 5s, streams: 0s}\n", (60, 5, 0)),
    ("drain: {deadline: 1m, streams: 1m}\n", (60, 0, 60)),
]


@pytest.mark.parametrize(("text", "times"), TIMES, ids=[text for text, _ in TIMES])
def test_what_is_not_said_has_its_default(
    tmp_path: Path, text: str, times: tuple[float, ...]
) -> None:
    settings = load(tmp_path, config(text))

    assert times == (
        settings.drain_seconds,
        settings.drain_delay_seconds,
        settings.drain_streams_seconds,
    )


MISTAKES = [
    ("bad_value", config("drain: {deadline: 5s, streams: ¦6s}\n")),  # some would be cut untold
    ("bad_value", config("drain: {streams: ¦31s}\n")),
    ("bad_value", config("drain: {delay: ¦5}\n")),
    ("unknown_key", config("drain: {¦timeout: 5s}\n")),
    ("wrong_type", config("drain: {streams: ¦}\n")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)
