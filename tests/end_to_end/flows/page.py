"""The diagrams in `docs/flows.md`: each is the first block of its section."""

import re
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[3] / "docs" / "flows.md"

_SECTION: Final = re.compile(
    r"^(#{2,3} (?P<heading>[^\n]+)\n(?:(?!#{1,3} |```)[^\n]*\n)*```text\n)(?P<diagram>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def diagrams(page: str) -> dict[str, str]:
    """Return the diagrams of *page*, by the headings of their sections."""
    return {found["heading"]: found["diagram"] for found in _SECTION.finditer(page)}


def with_diagrams(page: str, drawn: dict[str, str]) -> str:
    """Return *page* with the diagrams in *drawn* in place of its own."""
    return _SECTION.sub(
        lambda found: f"{found[1]}{drawn.get(found['heading'], found['diagram'])}```", page
    )
