"""An entry speaks of the tokens that have all it names, as long as it lasts, and of no other."""

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.revocation import Revocation, RevocationList

NOW = 1_800_000_000.0
LEEWAY = 30.0
TOKEN = {"iss": "https://a/", "sub": "alice", "client_id": "shop", "jti": "t1", "scope": "x"}


def entry(expires_at: float = inf, issued_before: float = inf, **claims: str) -> Revocation:
    return Revocation(tuple(sorted(claims.items())), expires_at, issued_before)


def named_by(claims: dict[str, str]) -> Revocation:
    return Revocation(tuple(sorted(claims.items())), inf, inf)


def revokes(
    *entries: Revocation,
    claims: dict[str, Any] = TOKEN,
    issued_at: float | None = NOW,
    now: float = NOW,
) -> bool:
    return RevocationList(entries).revokes(claims, issued_at, now, LEEWAY)


@pytest.mark.parametrize(
    "named",
    [
        {"jti": "t1"},
        {"sub": "alice"},
        {"client_id": "shop"},
        {"jti": "t1", "sub": "alice"},
        {"client_id": "shop", "sub": "alice"},
        {"client_id": "shop", "jti": "t1", "sub": "alice"},
        {"iss": "https://a/", "sub": "alice"},
    ],
    ids=str,
)
def test_an_entry_revokes_what_has_everything_it_names(named: dict[str, str]) -> None:
    assert revokes(named_by(named))
    for name in named:
        assert not revokes(named_by(named), claims={**TOKEN, name: "other"})
        assert not revokes(named_by(named), claims={k: v for k, v in TOKEN.items() if k != name})


def test_a_value_means_its_own_claim_alone() -> None:
    others = entry(jti="alice"), entry(sub="shop"), entry(client_id="t1"), entry(jti="T1")

    assert not revokes(*others)
    assert not revokes(entry(client_id="alice", sub="shop"))


def test_an_empty_list_revokes_nothing() -> None:
    assert not revokes()
    assert RevocationList(()).size == 0


def test_entries_of_all_kinds_stand_beside_each_other() -> None:
    strangers = [entry(jti=f"x{n}") for n in range(50)] + [entry(sub=f"x{n}") for n in range(50)]

    assert revokes(*strangers, entry(client_id="shop"))
    assert not revokes(*strangers)
    assert RevocationList(strangers).size == 100


@pytest.mark.parametrize(
    ("issued_at", "answer"), [(NOW - 1, True), (NOW, False), (NOW + 1, False), (None, True)]
)
def test_a_bound_of_issue_spares_what_is_from_then_or_later(
    issued_at: float | None, answer: bool
) -> None:
    """What does not say when it was issued is revoked: it may be from before."""
    assert revokes(entry(sub="alice", issued_before=NOW), issued_at=issued_at) is answer


def test_an_entry_ends_at_its_time_and_the_leeway() -> None:
    """The leeway prolongs tokens; an entry with its token's own `exp` must not end before it."""
    ends = entry(jti="t1", expires_at=NOW + 100)

    assert revokes(ends, now=NOW + 129.9)
    assert not revokes(ends, now=NOW + 130)


@pytest.mark.parametrize(
    ("now", "issued_at", "answer"),
    [
        (NOW, NOW - 50, True),  # only the first, whose end is near
        (NOW + 40, NOW - 50, False),
        (NOW + 40, NOW - 150, True),  # the second, too
        (NOW + 1000, NOW - 150, False),
        (NOW + 1000, NOW - 250, True),  # the third, which never ends
    ],
)
def test_of_entries_with_the_same_claims_each_holds_for_itself(
    now: float, issued_at: float, answer: bool
) -> None:
    entries = [
        entry(sub="alice", expires_at=NOW, issued_before=NOW),
        entry(sub="alice", expires_at=NOW + 100, issued_before=NOW - 100),
        entry(sub="alice", issued_before=NOW - 200),
    ]

    assert revokes(*entries, now=now, issued_at=issued_at) is answer
    assert revokes(*reversed(entries), now=now, issued_at=issued_at) is answer


BOUNDS = st.integers(-100, 100).map(lambda seconds: NOW + seconds) | st.just(inf)
ENTRIES = st.builds(
    entry,
    BOUNDS,
    BOUNDS,
    sub=st.sampled_from(["alice", "bob"]),
)


@given(
    st.lists(ENTRIES, max_size=8),
    st.integers(-200, 200),
    st.none() | st.integers(-200, 200),
)
def test_many_entries_revoke_what_one_of_them_revokes(
    entries: list[Revocation], seconds: int, issued: int | None
) -> None:
    issued_at = None if issued is None else NOW + issued

    assert revokes(*entries, now=NOW + seconds, issued_at=issued_at) is any(
        revokes(one, now=NOW + seconds, issued_at=issued_at) for one in entries
    )
