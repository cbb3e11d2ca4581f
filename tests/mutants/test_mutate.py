"""The mutants of a module, and what becomes of them."""

import ast
from pathlib import Path

import pytest

from tests.mutants.__main__ import fails_unchanged, is_noticed
from tests.mutants.mutate import mutants_of


@pytest.mark.parametrize(
    ("source", "mistakes"),
    [
        ("a < b", ["(a <= b)"]),
        ("a is None", ["(a is not None)"]),
        ("a in b", ["(a not in b)"]),
        ("a and b", ["(a or b)", "(b)", "(a)"]),
        ("not a", ["(a)"]),
        ("a + b", ["(a - b)"]),
        ("True", ["(False)"]),
        ("60", ["(61)"]),
        ("a if b else c", ["(c if b else a)"]),
        ("a = 'text'", []),
        ("a: int | None", []),
        ("assert a == 1", []),
        ("f'{a + b}'", []),
    ],
)
def test_a_mutant_has_one_mistake(source: str, mistakes: list[str]) -> None:
    assert [mutant.after for mutant in mutants_of(source)] == mistakes


def test_the_rest_of_the_module_stays_as_it_is() -> None:
    source = "é = 'é'  # why\nif a == 1:\n    pass\n"

    comparison, number = mutants_of(source)

    assert comparison.source == "é = 'é'  # why\nif (a != 1):\n    pass\n"
    assert number.source == "é = 'é'  # why\nif a == (2):\n    pass\n"
    assert (comparison.line, comparison.before) == (2, "a == 1")


def test_every_mutant_is_a_module() -> None:
    source = Path(__file__).with_name("mutate.py").read_text()

    mutants = mutants_of(source)

    assert mutants
    for mutant in mutants:
        ast.parse(mutant.source)
        assert mutant.source != source


PROJECT = {
    "gateway/__init__.py": "",
    "gateway/ages.py": "def is_adult(age):\n    return age >= 18\n",
    "tests/test_ages.py": "from gateway.ages import is_adult\n\n\n"
    "def test_it() -> None:\n    assert is_adult(20)\n    assert not is_adult(17)\n",
}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the module of a small project in *tmp_path*."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # ours is in the real `gateway`
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return Path("gateway/ages.py")


def test_a_mutant_that_no_test_notices_lives_and_the_module_is_restored(
    tmp_path: Path, module: Path
) -> None:
    border, older = mutants_of(PROJECT[str(module)])

    assert (border.after, older.after) == ("(age > 18)", "(19)")
    assert [is_noticed(mutant, module, tmp_path) for mutant in (border, older)] == [False, False]

    with (tmp_path / "tests/test_ages.py").open("a") as tests:
        tests.write("    assert is_adult(18)\n")
    assert [is_noticed(mutant, module, tmp_path) for mutant in (border, older)] == [True, True]
    assert (tmp_path / module).read_text() == PROJECT[str(module)]


def test_tests_that_fail_without_a_mutant_are_known(tmp_path: Path, module: Path) -> None:
    assert not fails_unchanged(module, tmp_path)

    (tmp_path / "tests/test_ages.py").write_text("def test_it() -> None:\n    assert False\n")

    assert fails_unchanged(module, tmp_path)


def test_a_mutant_is_not_noticed_where_there_is_no_test(tmp_path: Path, module: Path) -> None:
    (tmp_path / "tests/test_ages.py").write_text("")

    assert not any(
        is_noticed(mutant, module, tmp_path) for mutant in mutants_of(PROJECT[str(module)])
    )
