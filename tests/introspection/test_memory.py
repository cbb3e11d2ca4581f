"""An answer counts for a while, and a token stays its subject's."""

import gc
from typing import Any

import pytest

from gateway.introspection.memory import INACTIVE_SECONDS, AnswerMemory, digest_of

NOW = 1_900_000_000.0
TOKEN = b"an-opaque-token-of-alice"
DIGEST = digest_of(TOKEN)


def active(**members: Any) -> dict[str, Any]:
    return {"active": True, "sub": "alice", **members}


@pytest.mark.parametrize(
    ("cache_seconds", "exp", "lasts_seconds"),
    [
        (60.0, ..., 60.0),
        (60.0, NOW + 600, 60.0),
        (60.0, NOW + 20, 20.0),
        (60.0, NOW - 1, -1.0),
        (60.0, True, 60.0),
        (60.0, "soon", 60.0),
        (0.0, NOW + 600, 0.0),
    ],
)
def test_an_answer_counts_within_its_bound_and_its_end(
    cache_seconds: float, exp: object, lasts_seconds: float
) -> None:
    """7662.4."""
    memory = AnswerMemory(cache_seconds)
    answer = memory.keep(DIGEST, active() if exp is ... else active(exp=exp), NOW)

    assert answer.fresh_until == NOW + lasts_seconds
    assert memory.find(DIGEST, answer.fresh_until) is None
    if lasts_seconds > 0:
        assert memory.find(DIGEST, answer.fresh_until - 0.1) is answer


@pytest.mark.parametrize("cache_seconds", [0.0, 5.0, 3600.0])
def test_a_token_that_is_not_active_is_asked_about_again_soon(cache_seconds: float) -> None:
    memory = AnswerMemory(cache_seconds)
    answer = memory.keep(DIGEST, None, NOW)

    assert answer.members is None
    assert answer.fresh_until == NOW + min(cache_seconds, INACTIVE_SECONDS)


def test_a_later_answer_replaces_an_earlier_one() -> None:
    """7662.4: a token that was revoked is not active by an older answer."""
    memory = AnswerMemory(60.0)
    memory.keep(DIGEST, active(), NOW)
    gone = memory.keep(DIGEST, None, NOW + 1)
    assert memory.find(DIGEST, NOW + 2) is gone

    back = memory.keep(DIGEST, active(), NOW + 3)
    assert memory.find(DIGEST, NOW + 4) is back


def test_a_token_stays_its_subjects() -> None:
    memory = AnswerMemory(0.0)
    assert not memory.is_contradicted(DIGEST, active())
    memory.keep(DIGEST, active(), NOW)
    memory.keep(DIGEST, None, NOW + 1)

    assert not memory.is_contradicted(DIGEST, active(scope="other"))
    for other in ("bob", None, ["alice"], "alice "):
        assert memory.is_contradicted(DIGEST, active(sub=other))
    assert not memory.is_contradicted(digest_of(b"another"), active(sub="bob"))


def test_made_up_tokens_evict_no_answer_about_a_good_one() -> None:
    memory = AnswerMemory(60.0)
    held = memory.keep(DIGEST, active(), NOW)

    for number in range(20_000):
        memory.keep(digest_of(b"%d" % number), None, NOW)

    assert memory.find(DIGEST, NOW) is held
    assert len(memory) <= 5_001


def test_neither_a_token_nor_its_subject_leads_out_of_it() -> None:
    """9700.4."""
    memory = AnswerMemory(60.0)
    memory.keep(DIGEST, None, NOW)
    memory.keep(digest_of(b"another"), active(), NOW)
    held = gc.get_referents(memory._inactive.young, memory._subjects.young)

    assert all(TOKEN not in one and b"alice" not in one for one in held if type(one) is bytes)
