"""Read durations and sizes: a whole number and its unit."""

import re

_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(r"([0-9]{1,9})(B|KiB|MiB|GiB)")
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}

DURATION_PATTERN = "^[0-9]{1,9}(ms|s|m|h)$"
SIZE_PATTERN = "^[0-9]{1,9}(B|KiB|MiB|GiB)$"


def parse_duration(text: str) -> float | None:
    """Return *text* (``500ms``, ``30s``, ``5m``, ``1h``) in seconds, or None."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    count = int(found[1])
    return count / 1000 if found[2] == "ms" else count * _SECONDS[found[2]]


def parse_size(text: str) -> int | None:
    """Return *text* (``512B``, ``64KiB``, ``10MiB``, ``1GiB``) in bytes, or None."""
    found = _SIZE.fullmatch(text)
    return int(found[1]) * _BYTES[found[2]] if found else None
