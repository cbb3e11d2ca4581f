"""Callers, keys, buckets and the algorithm together allow what plain queues have room for."""

from collections import defaultdict
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.token import SignedToken
from gateway.limits.bucket_key import bucket_key
from gateway.limits.gcra import Rate, Wanted
from gateway.limits.limiter import Buckets
from gateway.settings.values.rates import KeyPart, PartKind, RateLimit
from tests.assertion.callers import signed_token
from tests.decision.policies import route

PARTS = (
    KeyPart(PartKind.SUBJECT),
    KeyPart(PartKind.CLIENT),
    KeyPart(PartKind.ROUTE),
    KeyPart(PartKind.ADDRESS),
    KeyPart(PartKind.CLAIM, ("tenant",)),
)
TENANTS = (None, "a", "b", 1, "1", 1.0, True, ("a",))


class Caller(NamedTuple):
    subject: str
    client: str | None
    tenant: Any
    is_known: bool
    route: str
    address: bytes


callers = st.builds(
    Caller,
    st.sampled_from(["alice", "bob"]),
    st.sampled_from([None, "app"]),
    st.sampled_from(TENANTS),
    st.booleans(),
    st.sampled_from(["orders", "items"]),
    st.sampled_from([b"10.0.0.1", b"10.0.0.2"]),
)
limits = st.builds(
    lambda interval_us, burst, key: (interval_us, burst, tuple(key)),
    st.integers(1, 40),
    st.integers(1, 4),
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=3, unique=True),
)


@lru_cache(typed=True)  # for 1, 1.0 and true are three
def make(subject: str, client: str | None, tenant: Any) -> SignedToken:
    return signed_token(sub=subject, client_id=client or ..., tenant=tenant)


def token_of(caller: Caller) -> SignedToken | None:
    return make(caller.subject, caller.client, caller.tenant) if caller.is_known else None


def counted_by(part: KeyPart, caller: Caller) -> object:
    """Return what tells *caller* apart from others, said plainly."""
    match part.kind:
        case PartKind.ROUTE:
            return caller.route
        case PartKind.ADDRESS:
            return caller.address
        case _ if not caller.is_known:
            return None
        case PartKind.SUBJECT:
            return caller.subject
        case PartKind.CLIENT:
            return caller.client
    tenant = caller.tenant
    return tenant if isinstance(tenant, str | float) or type(tenant) is int else None


class Queues:
    """A queue for each limit and what it counts by, from which one leaves each interval."""

    def __init__(self) -> None:
        self._lengths: dict[object, Fraction] = defaultdict(Fraction)
        self._seen_at_us: dict[object, int] = {}

    def length(self, key: object, interval_us: int, now_us: int) -> Fraction:
        passed_us = now_us - self._seen_at_us.get(key, now_us)
        self._seen_at_us[key] = now_us
        self._lengths[key] = max(Fraction(), self._lengths[key] - Fraction(passed_us, interval_us))
        return self._lengths[key]

    def add(self, key: object) -> None:
        self._lengths[key] += 1


@given(
    st.lists(limits, min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 40), callers, st.integers(1, 7)), max_size=40),
)
def test_every_caller_is_allowed_what_the_queues_of_its_limits_have_room_for(
    described: list[tuple[int, int, tuple[KeyPart, ...]]],
    requests: list[tuple[int, Caller, int]],
) -> None:
    """Routes name the limits in any combination; what one counts by, others may share."""
    known = [
        RateLimit(f"limit-{number}", 1, interval_us, burst, key)
        for number, (interval_us, burst, key) in enumerate(described)
    ]
    buckets, queues, now_us = Buckets(), Queues(), 0
    for step, caller, chosen in requests:
        now_us += step
        named = [one for number, one in enumerate(known) if chosen >> number & 1] or known
        wanted = [
            Wanted(
                bucket_key(one, route(name=caller.route), token_of(caller), caller.address),
                Rate(one.interval_us, one.burst),
            )
            for one in named
        ]

        taken = buckets.take(wanted, now_us)

        keys = [(one.name, tuple(counted_by(part, caller) for part in one.key)) for one in named]
        has_room = [
            queues.length(key, one.interval_us, now_us) + 1 <= one.burst
            for key, one in zip(keys, named, strict=True)
        ]
        assert (taken.refused is None) == all(has_room)
        for key in keys if taken.refused is None else ():
            queues.add(key)
