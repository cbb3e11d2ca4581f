"""Suites are found by their names, in the same order in every run."""

from pathlib import Path

from gateway.suites.running.run import find_suites


def make(directory: Path, *names: str) -> None:
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def found(directory: Path, *paths: Path) -> list[str]:
    return [str(path.relative_to(directory)) for path in find_suites(paths or [directory])]


def test_a_folder_gives_the_suites_in_it_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.test.yaml", "a.test.yaml", "z/c.test.yaml", "d/d.test.yaml", "e.yaml")

    assert found(tmp_path) == ["a.test.yaml", "b.test.yaml", "d/d.test.yaml", "z/c.test.yaml"]


def test_hidden_folders_are_not_looked_into(tmp_path: Path) -> None:
    make(tmp_path, ".venv/a.test.yaml", "a.test.yaml")

    assert found(tmp_path) == ["a.test.yaml"]


def test_a_file_that_is_named_may_be_called_anything(tmp_path: Path) -> None:
    make(tmp_path, "suite.yaml")

    assert found(tmp_path, tmp_path / "suite.yaml") == ["suite.yaml"]


def test_a_file_that_is_named_is_for_the_reader_to_miss(tmp_path: Path) -> None:
    assert found(tmp_path, tmp_path / "missing.yaml") == ["missing.yaml"]


def test_a_file_that_comes_up_twice_is_taken_once(tmp_path: Path) -> None:
    make(tmp_path, "a.test.yaml", "b.test.yaml")

    again = found(tmp_path, tmp_path / "b.test.yaml", tmp_path, tmp_path / "b.test.yaml")

    assert sorted(again) == ["a.test.yaml", "b.test.yaml"]
