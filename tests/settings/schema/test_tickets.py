"""The shape of `tickets`: every key has a default, and no other key is read."""

from pathlib import Path

import pytest

from tests.settings.build.test_tickets import saying
from tests.settings.configs import assert_found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{¦paths: /t}", "unknown_key"),
        ("{lifetime: ¦30}", "bad_value"),
        ("{lifetime: ¦0s}", "bad_value"),
        ("{path: ¦7}", "wrong_type"),
        ("¦[]", "wrong_type"),
    ],
)
def test_a_mistake_in_the_shape_is_found_at_its_place(tmp_path: Path, text: str, code: str) -> None:
    assert_found(tmp_path, code, saying(text))
