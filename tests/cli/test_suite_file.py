"""A suite that cannot be used ends the program with the right code."""

from pathlib import Path

import pytest

from gateway.cli.suite_file import load_suite


@pytest.mark.parametrize(("text", "code"), [("version: 2\n", 1), (None, 3)])
def test_a_suite_that_cannot_be_used_is_the_end(
    text: str | None, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "suite.yaml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(SystemExit) as end:
        load_suite(path)

    assert end.value.code == code
    assert "suite.yaml" in capsys.readouterr().err
