"""What the script saw, as the table of a page of the documentation."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

PAGE = Path("docs/login-compared.md")
FILE = Path(__file__).parent / "seen.yaml"
SEEN: Mapping[str, Mapping[str, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))


def table(seen: Mapping[str, Mapping[str, str]]) -> str:
    """Return the table; a step whose outcome is the same for both has it once."""
    rows = ["| step | gateway | mod_auth_openidc |", "|---|---|---|"]
    for title, outcomes in seen.items():
        ours, theirs = outcomes["gateway"], outcomes["apache"]
        rows.append(f"| {title} | {ours} | {'the same' if theirs == ours else theirs} |")
    return "\n".join(rows) + "\n"


def write(seen: Mapping[str, Mapping[str, str]]) -> None:
    """Write *seen* to the file and to the page."""
    head = f"# What script.py saw of each proxy; {PAGE} has it as a table.\n"
    FILE.write_text(head + yaml.safe_dump(seen, sort_keys=False, width=1000), encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    old = re.compile(r"^\| step .*\n(?:\|.*\n)*", re.MULTILINE)
    PAGE.write_text(old.sub(lambda _: table(seen), text, count=1), encoding="utf-8")
