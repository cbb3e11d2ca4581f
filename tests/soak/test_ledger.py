"""What the ledger finds in an access log, and in what services saw."""

import json

import pytest

from tests.soak.ledger import Ledger


def line(nonce: str, status: int = 200, request_id: str = "id") -> str:
    return json.dumps({"path": f"/steady/{nonce}" if nonce else None, "status": status,
                       "id": request_id})  # fmt: skip


def filled() -> Ledger:
    """Return a ledger with a request of each kind."""
    ledger = Ledger()
    ledger.answered("whole", 200, None, may_reach=True)
    ledger.answered("refused", 401, "id-1", may_reach=False)
    ledger.cut("cut")
    ledger.abandoned("gone", may_reach=True)
    ledger.abandoned("half-head", may_reach=False, is_whole_head=False)
    return ledger


LOG = [line("whole"), line("refused", 401, "id-1"), line("cut"), line("gone", 499)]
NOTES = ["seen whole", "seen cut"]


@pytest.mark.parametrize(
    ("log", "notes"),
    [
        (LOG, NOTES),
        (LOG[:-1], NOTES),
        (LOG, [*NOTES, "seen gone"]),
        (LOG, NOTES[:1]),
        ([LOG[0], line("", 401, "id-1"), *LOG[2:]], NOTES),
    ],
)
def test_what_agrees_is_no_fault(log: list[str], notes: list[str]) -> None:
    assert filled().faults(log, notes) == []


@pytest.mark.parametrize(
    ("log", "notes"),
    [
        (LOG[1:], NOTES),
        ([*LOG, LOG[0]], NOTES),
        ([*LOG, LOG[3]], NOTES),
        ([*LOG, line("half-head", 499)], NOTES),
        ([*LOG, line("unknown")], NOTES),
        ([*LOG, line("", 499)], NOTES),
        ([line("whole", 502), *LOG[1:]], NOTES),
        ([LOG[0], line("refused", 401, "id-2"), *LOG[2:]], NOTES),
        (LOG, NOTES[1:]),
        (LOG, [*NOTES, "seen whole"]),
        (LOG, [*NOTES, "seen gone", "seen gone"]),
        (LOG, [*NOTES, "seen refused"]),
        (LOG, [*NOTES, "seen half-head"]),
        (LOG, [*NOTES, "seen unknown"]),
        (LOG, [*NOTES, "fault another body: whole"]),
    ],
)
def test_each_disagreement_is_one_fault(log: list[str], notes: list[str]) -> None:
    assert len(filled().faults(log, notes)) == 1


def test_a_target_beyond_understanding_may_be_left_out_of_a_line_once() -> None:
    ledger = filled()
    ledger.abandoned("flawed", may_reach=False, is_flawed=True)

    assert ledger.faults([*LOG, line("", 499)], NOTES) == []
    assert len(ledger.faults([*LOG, line("", 499), line("", 499)], NOTES)) == 1


def test_what_may_be_sent_again_may_be_seen_twice_and_not_three_times() -> None:
    ledger = filled()
    ledger.repeatable.update(("whole", "refused"))

    assert ledger.faults(LOG, [*NOTES, "seen whole"]) == []
    assert len(ledger.faults(LOG, [*NOTES, "seen whole", "seen whole"])) == 1
    assert len(ledger.faults(LOG, [*NOTES, "seen refused"])) == 1
