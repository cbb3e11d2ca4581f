"""The section about tracing: what its values may be."""

from pathlib import Path

import pytest

from tests.settings.configs import assert_found, config, load

URL = "http://127.0.0.1:4318/v1/traces"


def traced(text: str) -> str:
    """Return a configuration whose section is the flow mapping *text*."""
    return config(f"tracing: {text}\n")


MISTAKES = [
    ("missing_key", config("¦tracing: {sample: 0.5}\n")),
    ("unknown_key", traced(f'{{otlp: "{URL}", ¦samples: 0.5}}')),
    ("bad_value", traced(f'{{otlp: "{URL}", sample: ¦1.5}}')),
    ("bad_value", traced(f'{{otlp: "{URL}", sample: ¦-0.1}}')),
    ("bad_value", traced(f'{{otlp: "{URL}", sample: ¦true}}')),
    ("bad_value", traced(f'{{otlp: "{URL}", sample: ¦"0.5"}}')),
    ("bad_value", traced(f'{{otlp: "{URL}", asked_per_second: ¦-1}}')),
    ("wrong_type", traced(f'{{otlp: "{URL}", asked_per_second: ¦0.5}}')),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_in_a_value_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


@pytest.mark.parametrize("share", ["0", "1", "0.0", "1.0", "0.001"])
def test_a_share_is_any_number_from_0_to_1(share: str, tmp_path: Path) -> None:
    tracing = load(tmp_path, traced(f'{{otlp: "{URL}", sample: {share}}}')).tracing

    assert tracing is not None
    assert tracing.sample == float(share)


def test_no_caller_needs_to_be_heeded(tmp_path: Path) -> None:
    tracing = load(tmp_path, traced(f'{{otlp: "{URL}", asked_per_second: 0}}')).tracing

    assert tracing is not None
    assert tracing.asked_per_second == 0
