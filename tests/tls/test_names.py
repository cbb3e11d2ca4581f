"""The certificate for a name: an exact one before a wildcard, which stands for one label."""

import pytest

from gateway.tls.server_context import find_by_name

FIND = find_by_name(
    {"a.example": "a", "*.a.example": "below a", "x.a.example": "x", "*.example": "any"}
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.example", "a"),
        ("A.Example", "a"),
        ("x.a.example", "x"),
        ("y.a.example", "below a"),
        ("z.y.a.example", None),  # RFC 9525 §6.3: a wildcard stands for one label
        ("b.example", "any"),
        ("example", None),
        ("a.example.", None),  # RFC 6066 §3: a name is sent without the last dot
        ("a.example.evil.test", None),
        ("*.a.example", "below a"),
        ("", None),
        (".example", "any"),
    ],
)
def test_a_name_has_the_nearest_entry_or_none(name: str, found: str | None) -> None:
    assert FIND(name) == found
