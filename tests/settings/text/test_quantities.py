import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.text.quantities import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30), ("5m", 300), ("1h", 3600), ("0s", 0)]
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "count"), [("512B", 512), ("64KiB", 65536), ("10MiB", 10485760), ("1GiB", 2**30)]
)
def test_sizes_are_bytes(text: str, count: int) -> None:
    assert parse_size(text) == count


@pytest.mark.parametrize("text", ["", "30", "s", "1.5s", "-1s", "1 s", "1d", "1S", "1s\n", "٣s"])
def test_anything_else_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize("text", ["", "64", "64KB", "64kib", "1.5MiB", "-1B", "1 B", "1TiB"])
def test_anything_else_is_no_size(text: str) -> None:
    assert parse_size(text) is None


@given(st.integers(0, 10**9 - 1))
def test_a_minute_is_sixty_seconds(count: int) -> None:
    assert parse_duration(f"{count}m") == 60 * count
