"""What the access log and the services must have written about each request; held at the end."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gateway.proxy.recording.record import CLIENT_GONE


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one request.

    *lines* bounds the lines of the access log about it, *sights* how often a service saw it.
    """

    lines: tuple[int, int]
    sights: tuple[int, int]
    status: int | None = None
    request_id: str | None = None
    may_be_nameless: bool = False  # its target may have been beyond understanding


class Ledger:
    """Entries by nonce; those that are *repeatable* may be seen once more, where they may be."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.repeatable: set[str] = set()

    def answered(self, nonce: str, status: int, request_id: str | None, *, may_reach: bool) -> None:
        """Take that a complete answer came: from the service, or with the id of a refusal."""
        sights = (1, 1) if request_id is None else (0, int(may_reach))
        self.entries[nonce] = Entry((1, 1), sights, status, request_id)

    def cut(self, nonce: str) -> None:
        """Take that the answer was visibly cut."""
        self.entries[nonce] = Entry((1, 1), (0, 1))

    def abandoned(
        self, nonce: str, *, may_reach: bool, is_whole_head: bool = True, is_flawed: bool = False
    ) -> None:
        """Take that nobody waited for the answer."""
        lines, sights = (0, int(is_whole_head)), (0, int(may_reach))
        self.entries[nonce] = Entry(lines, sights, may_be_nameless=is_flawed)

    def faults(self, access_log: Iterable[str], notes: Iterable[str]) -> list[str]:
        """Return what does not agree with the entries."""
        return [*self._log_faults(access_log), *self._note_faults(notes)]

    def _log_faults(self, access_log: Iterable[str]) -> list[str]:
        faults: list[str] = []
        by_id: dict[str, str] = {
            entry.request_id: nonce for nonce, entry in self.entries.items() if entry.request_id
        }
        count: Counter[str] = Counter()
        nameless = sum(entry.may_be_nameless for entry in self.entries.values())
        for text in access_log:
            line: dict[str, Any] = json.loads(text)
            told = (line["path"] or "").rpartition("/")[2]
            nonce = told or by_id.get(line["id"], "")
            if not nonce and line["status"] == CLIENT_GONE and nameless:
                nameless -= 1
                continue
            count[nonce] += 1
            entry = self.entries.get(nonce)
            if entry is None:
                faults.append(f"a line about no request: {text.strip()}")
            elif entry.status is not None and line["status"] != entry.status:
                faults.append(f"{nonce}: the client saw {entry.status}: {text.strip()}")
            elif entry.request_id is not None and line["id"] != entry.request_id:
                faults.append(f"{nonce}: the client saw id {entry.request_id}: {text.strip()}")
        for nonce, entry in self.entries.items():
            if not entry.lines[0] <= count[nonce] <= entry.lines[1]:
                faults.append(f"{nonce}: {count[nonce]} lines in the access log, not {entry}")
        return faults

    def _note_faults(self, notes: Iterable[str]) -> list[str]:
        faults: list[str] = []
        count: Counter[str] = Counter()
        for note in notes:
            kind, _, text = note.strip().partition(" ")
            if kind == "seen":
                count[text] += 1
            else:
                faults.append(f"a service says: {note.strip()}")
        unknown = count.keys() - self.entries.keys()
        faults += [f"a service saw {nonce!r}, which nobody asked for" for nonce in unknown]
        for nonce, entry in self.entries.items():
            least, most = entry.sights
            most *= 2 if nonce in self.repeatable else 1
            if not least <= count[nonce] <= most:
                faults.append(f"{nonce}: services saw it {count[nonce]} times, not {entry}")
        return faults
