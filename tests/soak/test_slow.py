"""How the figures of a slow attack are judged; no test here measures anything."""

from collections import Counter

import pytest

from tests.soak.healthy import percentile_99
from tests.soak.slow import ATTACKERS, ATTACKS, FLOOR_SECONDS, Figures

QUIET = FLOOR_SECONDS
AMPLE, TIGHT = 4 * ATTACKERS, ATTACKERS


def figures(
    attacked: float = QUIET,
    peak: int = ATTACKERS,
    strangers: tuple[int, ...] = (200,),
    was_ended: bool = True,
) -> Figures:
    return Figures(QUIET, attacked, peak, Counter(strangers), was_ended)


@pytest.mark.parametrize(
    ("measured", "room"),
    [
        (figures(), AMPLE),
        (figures(attacked=2 * QUIET), AMPLE),
        (figures(strangers=(200, 503)), TIGHT),
    ],
)
def test_an_attack_that_is_borne_has_no_faults(measured: Figures, room: int) -> None:
    assert measured.faults(room) == []


@pytest.mark.parametrize(
    ("measured", "room"),
    [
        (figures(attacked=2.01 * QUIET), AMPLE),
        (figures(peak=ATTACKERS // 2), AMPLE),
        (figures(strangers=(200, 503)), AMPLE),
        (figures(strangers=(200, 502)), TIGHT),
        (figures(strangers=()), TIGHT),
        (figures(was_ended=False), AMPLE),
    ],
)
def test_each_breach_is_a_fault(measured: Figures, room: int) -> None:
    assert len(measured.faults(room)) == 1


def test_under_the_floor_a_ratio_says_nothing() -> None:
    assert Figures(0.0001, FLOOR_SECONDS, ATTACKERS, Counter((200,)), True).faults(AMPLE) == []
    assert Figures(0.0001, 1.01 * FLOOR_SECONDS, ATTACKERS, Counter((200,)), True).faults(AMPLE)


def test_the_99th_percentile_leaves_out_one_in_a_hundred() -> None:
    assert percentile_99([1.0] * 99 + [9.0]) == 1.0
    assert percentile_99([1.0] * 98 + [8.0, 9.0]) == 8.0


def test_each_attack_is_of_a_kind_of_its_own() -> None:
    assert {attack.options[0] for attack in ATTACKS} == {"-H", "-B", "-X"}
