"""Nothing opens unseen: whatever a random edit of a random configuration opens, diff fails.

`python -m tests.suites.differences.random_pairs 100000` tries as many pairs, on every core.
"""

import pytest

from tests.suites.differences.random_pairs import try_pair

_SEEDS = 40  # in each of these tests, which run in any order


@pytest.mark.parametrize("start", range(0, 400, _SEEDS))
def test_whoever_gets_in_by_the_new_and_not_by_the_old_makes_diff_fail(start: int) -> None:
    tried = [try_pair(seed) for seed in range(start, start + _SEEDS)]

    assert [one.missed for one in tried if one.missed] == []
    assert sum(one.is_opened for one in tried) > 2
