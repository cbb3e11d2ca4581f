"""`docs/standards.md` is up to date, and every line has a test or a reason."""

from pathlib import Path

import pytest

from tests.project.standards import (
    PAGE,
    ROOT,
    Holder,
    find_faults,
    find_holders,
    main,
    read_all,
    read_standards,
    render_page,
)


def test_every_line_is_held_or_has_its_reason_and_every_id_is_one_of_a_line() -> None:
    assert find_faults(*read_all(ROOT)) == []


def test_the_page_is_current() -> None:
    """If it is not, run `make standards`."""
    assert (ROOT / PAGE).read_text() == render_page(*read_all(ROOT))


# --- the generator, on made-up standards

TOLD = """
- name: RFC 1111
  title: Doors
  lines:
  - {id: "1111.1", section: §1, rule: A door shuts.}
  - {id: "1111.2", section: §2, rule: A door opens | shuts., reason: Doors are not built yet.}
- name: RFC 2222
  title: Windows
  reason: There are no windows.
  lines:
  - {id: "2222.1", section: §1, rule: A window shuts.}
"""
STANDARDS = read_standards(TOLD)


def holder(*ids: str, name: str = "test_it", path: str = "test_doors.py") -> Holder:
    return Holder(path, name, frozenset(ids))


def test_a_reason_of_a_standard_is_one_of_each_of_its_lines() -> None:
    doors, windows = STANDARDS

    assert [line.reason for line in doors.lines] == [None, "Doors are not built yet."]
    assert [line.reason for line in windows.lines] == ["There are no windows."]


def test_a_misspelled_key_is_an_error() -> None:
    with pytest.raises(TypeError, match="raeson"):
        read_standards(TOLD.replace("reason: Doors", "raeson: Doors"))


BEARING = {
    'def test_it():\n    """1111.1."""': ["test_it"],
    'async def test_it():\n    """A door shuts, as in 1111.1: always."""': ["test_it"],
    'class Doors:\n    def test_it(self):\n        """2222.1, 1111.1"""': ["test_it"],
    '"""1111.1: doors."""\ndef test_it(): pass': [""],
    'CASES = {"1111.1 a wooden one": 1, "an iron one": 2}': ["1111.1 a wooden one"],
    'CASES = [("1111.1: a wooden one", 1)]': ["1111.1: a wooden one"],
    'def test_it():\n    """1111.1."""\n    "1111.1: a case"': ["test_it", "1111.1: a case"],
}
NOT_BEARING = [
    "def test_it(): pass  # 1111.1",
    "def test_1111_1_it(): pass",
    'def helper():\n    """1111.1."""',
    'def test_it():\n    """1111.10, 11111.1, 1111.1x, x1111.1 and 0.1111.1."""',
    'def test_it():\n    """1111.1.2 is a section."""',
    'CASES = ["as in 1111.1"]',
    "SHARE = 1111.1",
    "",
]


def held(tests: Path) -> list[str]:
    return [one.name for one in find_holders(tests) if "1111.1" in one.ids]


@pytest.mark.parametrize("text", BEARING)
def test_a_line_is_held_by_what_bears_its_id(text: str, tmp_path: Path) -> None:
    (tmp_path / "test_doors.py").write_text(text)

    assert sorted(held(tmp_path)) == sorted(BEARING[text])


@pytest.mark.parametrize("text", NOT_BEARING)
def test_nothing_else_holds_a_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "test_doors.py").write_text(text)

    assert held(tmp_path) == []


@pytest.mark.parametrize(
    "case",
    [
        "{name: a wooden door, source: 1111.1; RFC 1111 §1}",
        '{name: "1111.1: a wooden door", source: mine}',
    ],
)
def test_a_case_of_the_corpus_holds_a_line_by_its_name_or_its_source(
    case: str, tmp_path: Path
) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "doors.yaml").write_text(
        f"# 1111.1\ncases:\n- {case}\n- {{name: an iron door, source: 2222.1}}\n"
    )

    assert len(held(tmp_path)) == 1


GAP = "1111.1: no test bears this id, and no reason is given"


@pytest.mark.parametrize(
    ("holders", "faults"),
    [
        ([], [GAP]),
        ([holder("1111.1")], []),
        ([holder("1111.1"), holder("1111.2", "2222.1")], []),
        ([holder("1111.2")], [GAP]),
        ([holder("1111.1"), holder("3333.1")], []),
        (
            [holder("1111.1", "1111.3")],
            ["1111.3: no line has this id; tests/test_doors.py test_it"],
        ),
        (
            [holder("1111.1"), holder("1111.1.2", name="")],
            ["1111.1.2: no line has this id; tests/test_doors.py"],
        ),
    ],
)
def test_a_gap_and_an_id_of_no_line_are_faults(holders: list[Holder], faults: list[str]) -> None:
    assert find_faults(STANDARDS, holders) == faults


@pytest.mark.parametrize(
    ("number", "other"), [("1111.2", "1111.3"), ("1111.2", "1111.1"), ("1111.1", "1111.0")]
)
def test_lines_are_numbered_from_1_on(number: str, other: str) -> None:
    """So that none is lost, and none occurs twice."""
    standards = read_standards(TOLD.replace(f'"{number}"', f'"{other}"'))

    assert "1111: its lines are not numbered from 1 on" in find_faults(standards, [])


def test_the_page_has_a_row_for_each_line() -> None:
    page = render_page(
        STANDARDS,
        [
            holder("1111.1", name="test_a"),
            holder("1111.1", name="test_b"),
            holder("1111.1", name="1111.1: a wooden one"),
            holder("1111.1", name="1111.1: an iron one"),
            holder("1111.1", name="", path="test_walls.py"),
        ],
    )

    lines = page.splitlines()
    assert "## RFC 1111: Doors" in lines
    assert (
        "| 1111.1 | A door shuts. (§1) "
        "| [test_doors.py](../tests/test_doors.py): `test_a`, `test_b`, 2 cases"
        "<br>[test_walls.py](../tests/test_walls.py) |"
    ) in lines
    assert (
        "| 1111.2 | A door opens \\| shuts. (§2) | *Not held.* Doors are not built yet. |" in lines
    )
    assert "| 2222.1 | A window shuts. (§1) | *Not held.* There are no windows. |" in lines


@pytest.mark.parametrize(("test", "status"), [('"""1111.1."""', 0), ("pass", 1)])
def test_the_page_is_written_and_gaps_are_told(
    test: str, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "standards.yaml").write_text(TOLD)
    (tmp_path / "tests" / "test_doors.py").write_text(f"def test_it():\n    {test}")

    assert main(tmp_path) == status
    assert capsys.readouterr().err == ("" if status == 0 else GAP + "\n")
    assert (tmp_path / PAGE).read_text() == render_page(*read_all(tmp_path))
