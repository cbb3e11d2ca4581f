"""Mistakes that people make when they edit access rules, as edits of the example estate.

`check.yaml`, `test.yaml`, `hostile.yaml` (for `test --hostile`) and `diff.yaml` hold those that the
verb of that name catches, and those before it do not. Each has

- ``mistake``: what somebody did, as a sentence that no other mistake has;
- ``file`` in `config/estate`, and the edit: ``replace``, text that stands there once, and ``by``,
  the text in its place; or ``add``, text for the end of the file; or both. `¦` marks where the
  verb must point, and is taken out;
- perhaps ``first``, another edit, after which the file is right: the mistake is made then;
- what the verb must say, under keys of its own: of `check` that is ``code``; the others say theirs
  at the beginning of their files.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.settings.configs import marked

ESTATE = Path(__file__).parents[2] / "config" / "estate"


@dataclass(frozen=True, slots=True)
class Mistake:
    """An edit of *file* in *base*; *told* is what the verb must say of it."""

    base: Path
    name: str
    file: str
    before: str
    after: str
    places: list[tuple[int, int]]
    told: dict[str, str]

    def make(self, folder: Path) -> Path:
        """Return the configuration of a copy of *base* in *folder*, with the mistake."""
        return self._copy(folder, self.after)

    def make_right(self, folder: Path) -> Path:
        """Return the configuration of a copy of *base* in *folder*, before the mistake."""
        return self._copy(folder, self.before)

    def _copy(self, folder: Path, text: str) -> Path:
        shutil.copytree(self.base, folder, dirs_exist_ok=True)
        (folder / self.file).write_text(text)
        return folder / "gateway.yaml"


def read_mistakes(verb: str, base: Path = ESTATE) -> list[Mistake]:
    """Return the mistakes that *verb* catches, as edits of *base*."""
    entries = yaml.safe_load((Path(__file__).parent / f"{verb}.yaml").read_text())
    return [_read(entry, base) for entry in entries]


def _read(entry: dict[str, Any], base: Path) -> Mistake:
    name, file = entry.pop("mistake"), entry.pop("file", "gateway.yaml")
    before = _edit(name, (base / file).read_text(), dict(entry.pop("first", {})))
    after, places = marked(_edit(name, before, entry))
    assert after != before, f"{name}: nothing is edited"
    return Mistake(base, name, file, before, after, places, entry)


def _edit(name: str, text: str, edit: dict[str, Any]) -> str:
    """Return *text* after *edit*, whose keys are taken out."""
    if "replace" in edit:
        old = edit.pop("replace")
        assert text.count(old) == 1, f"{name}: {old!r} stands {text.count(old)} times"
        text = text.replace(old, edit.pop("by"))
    return text + str(edit.pop("add", ""))
