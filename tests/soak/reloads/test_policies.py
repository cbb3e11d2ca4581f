"""What was under one of the two policies is told from what was under the other, or under both."""

import pytest

from tests.soak.reloads.policies import Kind, fault_of

ONLY_A = Kind("guarded", b"", frozenset("a"))
BOTH = Kind("guarded", b"", frozenset("ab"))
UNDER_A = {"x-policy-a": ["alice"], "x-policy-b": ["forged"]}
UNDER_B = {"x-policy-a": ["forged"], "x-policy-b": ["alice"], "x_mark": ["1"]}
TOKEN = {"authorization": ["Bearer x"]}
ASKED_B = b'WWW-Authenticate: Bearer error="insufficient_scope", scope="b:read"'


def test_a_request_by_one_policy_has_no_fault() -> None:
    under_b = {**UNDER_B, **TOKEN}
    open_b = {"x-policy-a": ["forged"], "x_mark": ["1"]}

    assert fault_of("a", "/guarded/1", UNDER_A, is_other_reserved=False) is None
    assert fault_of("b", "/guarded/1", under_b, is_other_reserved=False) is None
    assert fault_of("b", "/open/1", open_b, is_other_reserved=False) is None


@pytest.mark.parametrize(
    ("is_other_reserved", "forged", "is_fault"),
    [
        (False, ["forged"], False),
        (False, [], True),
        (True, ["forged"], True),
        (True, [], False),
        (None, ["forged"], False),
        (None, [], False),
    ],
)
def test_a_forged_field_passes_until_the_other_policy_was_live(
    is_other_reserved: bool | None, forged: list[str], is_fault: bool
) -> None:
    fields = {**UNDER_A, "x-policy-b": forged}
    fault = fault_of("a", "/guarded/1", fields, is_other_reserved=is_other_reserved)

    assert (fault is not None) is is_fault


@pytest.mark.parametrize("is_other_reserved", [False, True, None])
@pytest.mark.parametrize(
    ("service", "fields"),
    [
        ("b", UNDER_A),
        ("a", {**UNDER_A, **TOKEN}),
        ("a", {**UNDER_A, "x_mark": ["1"]}),
        ("a", {**UNDER_A, "x-policy-b": ["alice"]}),
        ("a", {**UNDER_A, "x-policy-a": ["forged", "alice"]}),
        ("b", UNDER_B),
        ("b", {**UNDER_B, **TOKEN, "x_mark": []}),
    ],
)
def test_a_part_of_the_other_policy_is_a_fault(
    service: str, fields: dict[str, list[str]], is_other_reserved: bool | None
) -> None:
    fault = fault_of(service, "/guarded/1", fields, is_other_reserved=is_other_reserved)

    assert fault is not None


@pytest.mark.parametrize(
    ("kind", "status", "head", "body", "policy"),
    [
        (ONLY_A, 200, b"", b"a /guarded/1 ", "a"),
        (ONLY_A, 403, ASKED_B, b"", "b"),
        (BOTH, 200, b"", b"b /guarded/1 ", "b"),
        (ONLY_A, 200, b"", b"b /guarded/1 ", None),  # let in by one, sent by the other
        (BOTH, 403, ASKED_B, b"", None),
        (BOTH, 200, b"", b"a /guarded/2 ", None),  # the answer to somebody else
        (BOTH, 200, b"", b"", None),
        (BOTH, 502, b"", b"", None),
        (ONLY_A, 403, b"", b"", None),
    ],
)
def test_an_answer_is_by_the_only_policy_that_gives_it(
    kind: Kind, status: int, head: bytes, body: bytes, policy: str | None
) -> None:
    assert kind.policy_of("1", status, head, body) == policy
