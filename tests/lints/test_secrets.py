"""Secrets are found wherever they stand in a file, and never shown."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, routes, warnings
from tests.settings.configs import config

RANDOM = "Zm9vYmFyQmF6MTIzNDU2Nzg5MEFCQ0RFRkdISUpLTE1OT1A"
CLAIM = "a, match: {path: /a}, require: {claims: {key: {equals: KEY}}}"
LOOKS = [
    config(f"# the old one was ¦{RANDOM}\n"),
    config("# curl -u admin https¦://admin:hunter2@orders.example/\n"),
    config(routes=routes(CLAIM.replace("KEY", f"¦{RANDOM}"))),
    config("# ¦-----BEGIN EC PRIVATE KEY-----\n"),
    config(routes=routes(CLAIM.replace("KEY", "'¦${HOOK_SECRET:-hunter2}'"))),
]


@pytest.mark.parametrize("text", LOOKS)
def test_a_secret_in_a_value_or_a_comment_is_doubtful(text: str, tmp_path: Path) -> None:
    assert_warned(tmp_path, "secret_in_file", text)


@pytest.mark.parametrize("text", LOOKS)
def test_it_is_not_shown(text: str, tmp_path: Path) -> None:
    """6750.10: a check runs where its output is kept."""
    found = str(warnings(tmp_path, text.replace("¦", "")))

    assert not [part for part in (RANDOM[:12], "hunter2", "EC PRIVATE") if part in found]


def test_what_comes_from_the_environment_is_not_in_the_file(tmp_path: Path) -> None:
    text = config(routes=routes(CLAIM.replace("KEY", "'${SECRET}'")))

    assert warnings(tmp_path, text) == ()


def test_included_files_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(
        f"# {RANDOM}\n{routes('t, match: {path: /t}, require: {}')}"
    )

    [fault] = warnings(tmp_path, config("include: [team.yaml]\n"))

    assert (Path(fault.place.file).name, fault.place.line, fault.place.column) == (
        "team.yaml",
        1,
        3,
    )
