"""The names of attacks are a contract: people write them into waivers."""

import re
from pathlib import Path

from gateway.suites.files.attack_names import NAMES

DOCUMENT = Path(__file__).parents[3] / "docs" / "attacks.md"


def test_a_name_is_a_word_and_has_a_description() -> None:
    for name, text in NAMES.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert text


def test_the_documentation_lists_them_all_and_no_others() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)

    assert rows == list(NAMES.items())
