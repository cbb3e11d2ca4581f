"""The memory of tokens: never seen from outside."""

import gc
from collections.abc import Iterator
from hashlib import sha256
from types import FunctionType, ModuleType

import pytest

from gateway.decision.keys import KeySet
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import Authenticated, KeySets, authenticate
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import Deny, NeedIntrospection, NeedKeys
from tests.decision.policies import ISSUER, claims, issuer, policy
from tests.faulty_key import FAULTS, faulty_keys
from tests.tokens import as_key, make_key, make_private, mint

PRIVATE, KEYS = make_key("ES256")
TOKEN = mint(PRIVATE, "ES256", claims())
FORGED = mint(make_key("ES256", which=1)[0], "ES256", claims())
POLICY = policy()


def other(number: int) -> bytes:
    return mint(PRIVATE, "ES256", claims(jti=f"other-{number}"))


def texts_in(root: object) -> Iterator[bytes]:
    """Yield every text that *root* leads to."""
    seen, waiting = {id(root)}, [root]
    while waiting:
        one = waiting.pop()
        if isinstance(one, bytes | str):
            yield one.encode() if isinstance(one, str) else one
        for held in gc.get_referents(one):
            is_code = isinstance(held, type | FunctionType | ModuleType)
            if not is_code and id(held) not in seen:
                seen.add(id(held))
                waiting.append(held)


def test_no_token_lies_in_memory() -> None:
    """9700.4: it is found by its hash."""
    memo = TokenMemo()
    memo.authenticate(TOKEN, POLICY, {"main": KEYS})
    _, payload, signature = TOKEN.split(b".")

    texts = list(texts_in(memo))

    assert sha256(TOKEN).digest() in texts
    assert b"token-1" in texts  # its claims are read, and it would be found
    assert [text for text in texts if payload in text or signature in text] == []


def test_a_token_is_checked_once() -> None:
    memo = TokenMemo()

    first = memo.authenticate(TOKEN, POLICY, {"main": KEYS})

    assert isinstance(first, SignedToken)
    assert memo.authenticate(TOKEN, POLICY, {"main": KEYS}) is first
    assert len(memo) == 1


def test_questions_and_refusals_that_cost_no_signature_check_are_not_kept() -> None:
    memo = TokenMemo()

    assert isinstance(memo.authenticate(b"a.b.c", POLICY, {"main": KEYS}), Deny)
    assert isinstance(memo.authenticate(TOKEN, POLICY, {}), NeedKeys)
    assert len(memo) == 0


def test_a_question_to_an_issuer_is_not_remembered() -> None:
    """What it says is, elsewhere, and no longer than that counts."""
    memo, asked = TokenMemo(), policy(issuers=(issuer(introspects=True),))

    first, second = (memo.authenticate(TOKEN, asked, {}) for _ in range(2))

    assert isinstance(first, NeedIntrospection)
    assert isinstance(second, NeedIntrospection)
    assert (memo.hits, len(memo)) == (0, 0)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the tokens whose signature was really checked."""
    checked: list[bytes] = []

    def check(token: bytes, policy: Policy, keys: KeySets) -> Authenticated:
        checked.append(token)
        return authenticate(token, policy, keys)

    monkeypatch.setattr("gateway.decision.tokens.memo.authenticate", check)
    return checked


def test_a_wrong_signature_is_checked_once(checks: list[bytes]) -> None:
    """A client that was left behind with a token repeats it without end."""
    memo = TokenMemo()
    answers = [memo.authenticate(FORGED, POLICY, {"main": KEYS}) for _ in range(3)]

    assert [one.reason for one in answers if isinstance(one, Deny)] == 3 * [
        Reason.SIGNATURE_INVALID
    ]
    assert checks == [FORGED]
    assert (memo.hits, memo.misses) == (2, 1)
    assert len(memo) == 0


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_check_that_fails_is_not_remembered(fault: Exception) -> None:
    """Neither as a token nor as a refusal: with descriptors back, the token is as good as ever."""
    memo = TokenMemo()
    key, keys = faulty_keys(fault)
    trusting = policy(issuers=[issuer(algorithms=frozenset({"EdDSA"}))])
    good = mint(make_private("Ed25519", 0), "EdDSA", claims())
    forged = mint(make_private("Ed25519", 1), "EdDSA", claims())
    for token in (good, forged, good):
        with pytest.raises(type(fault)):
            memo.authenticate(token, trusting, {"main": keys})

    key.fault = None

    assert isinstance(memo.authenticate(good, trusting, {"main": keys}), SignedToken)
    refused = memo.authenticate(forged, trusting, {"main": keys})
    assert isinstance(refused, Deny)
    assert refused.reason is Reason.SIGNATURE_INVALID


def test_a_token_that_none_of_too_many_keys_signed_is_checked_once(checks: list[bytes]) -> None:
    """It costs four checks, and is repeated as cheaply as one with a wrong signature."""
    keys = KeySet(tuple(as_key(make_private("ES256", number)) for number in range(2, 8)))
    memo = TokenMemo()
    answers = [memo.authenticate(TOKEN, POLICY, {"main": keys}) for _ in range(3)]

    assert [one.reason for one in answers if isinstance(one, Deny)] == 3 * [Reason.KEY_UNKNOWN]
    assert checks == [TOKEN]
    assert isinstance(memo.authenticate(TOKEN, POLICY, {"main": KEYS}), SignedToken)


@pytest.mark.parametrize("count", [1, 4, 6])
def test_a_wrong_signature_is_checked_once_where_the_token_alone_names_a_key(
    checks: list[bytes], count: int
) -> None:
    """Each guess cost eight checks: four, and four more once better keys had been asked for."""
    numbers = range(2, 2 + count)
    keys = KeySet(tuple(as_key(make_private("ES256", number), kid=None) for number in numbers))
    memo = TokenMemo()
    answers = [memo.authenticate(TOKEN, POLICY, {"main": keys}) for _ in range(3)]

    assert [one.kid for one in answers if isinstance(one, NeedKeys)] == 3 * ["k1"]
    assert checks == [TOKEN]
    assert isinstance(memo.authenticate(TOKEN, POLICY, {"main": KEYS}), SignedToken)


def test_a_wrong_signature_is_right_once_the_key_is_another_one() -> None:
    """And wrong again with the key before: what was found with one key says nothing of another."""
    memo = TokenMemo()
    _, impostor_keys = make_key("ES256", which=1)

    for _ in range(2):
        refused = memo.authenticate(FORGED, POLICY, {"main": KEYS})
        assert isinstance(refused, Deny)
        assert isinstance(memo.authenticate(FORGED, POLICY, {"main": impostor_keys}), SignedToken)
        assert isinstance(memo.authenticate(FORGED, POLICY, {}), NeedKeys)


def test_what_was_refused_by_former_keys_is_not_held() -> None:
    """With each entry the keys of all issuers were held, for hundreds of issuers megabytes."""
    memo = TokenMemo()
    _, impostor_keys = make_key("ES256", which=1)
    memo.authenticate(FORGED, POLICY, {"main": KEYS})
    held = {one for one in texts_in(memo) if len(one) == 32}

    assert isinstance(memo.authenticate(TOKEN, POLICY, {"main": impostor_keys}), Deny)

    left = {one for one in texts_in(memo) if len(one) == 32}
    assert len(held) == len(left) == 1
    assert held.isdisjoint(left)


def test_a_wrong_signature_is_checked_again_under_another_policy(checks: list[bytes]) -> None:
    memo = TokenMemo()
    memo.authenticate(FORGED, POLICY, {"main": KEYS})

    memo.authenticate(FORGED, policy(), {"main": KEYS})

    assert checks == [FORGED, FORGED]


def test_a_wrong_signature_is_told_of_its_issuer_each_time() -> None:
    """Where that one only reports, the request is let through, remembered or not."""
    memo = TokenMemo()
    reporting = policy(issuers=[issuer(reports=True)])

    told = [memo.authenticate(FORGED, reporting, {"main": KEYS}) for _ in range(2)]

    assert [one.reporter for one in told if isinstance(one, Deny)] == 2 * [
        reporting.issuers[ISSUER]
    ]


def test_guesses_push_out_no_token_and_are_bounded(checks: list[bytes]) -> None:
    memo = TokenMemo(capacity=2, refusals=4)
    first = memo.authenticate(TOKEN, POLICY, {"main": KEYS})
    head, _, signature = FORGED.rpartition(b".")
    for number in range(40):
        guess = b"%b.%b%02d" % (head, signature[:-4], number) + b"AA"
        assert isinstance(memo.authenticate(guess, POLICY, {"main": KEYS}), Deny)
        memo.authenticate(FORGED, POLICY, {"main": KEYS})

    assert memo.authenticate(TOKEN, POLICY, {"main": KEYS}) is first
    assert checks.count(FORGED) == 1  # one in use survives
    held = [one for one in texts_in(memo) if len(one) == 32]
    assert len(held) <= 5


def test_a_token_that_shares_all_but_its_signature_is_another_token() -> None:
    """CVE-2026-35030."""
    memo = TokenMemo()
    memo.authenticate(TOKEN, POLICY, {"main": KEYS})
    assert FORGED.rpartition(b".")[0] == TOKEN.rpartition(b".")[0]

    answer = memo.authenticate(FORGED, POLICY, {"main": KEYS})

    assert isinstance(answer, Deny)
    assert answer.reason is Reason.SIGNATURE_INVALID


def test_a_withdrawn_key_takes_its_tokens_along() -> None:
    memo = TokenMemo()
    memo.authenticate(TOKEN, POLICY, {"main": KEYS})
    _, new_keys = make_key("ES256", "k2", which=1)

    assert isinstance(memo.authenticate(TOKEN, POLICY, {"main": new_keys}), NeedKeys)
    assert isinstance(memo.authenticate(TOKEN, POLICY, {}), NeedKeys)


def test_a_new_key_set_with_the_key_still_in_it_is_remembered_anew() -> None:
    memo = TokenMemo()
    memo.authenticate(TOKEN, POLICY, {"main": KEYS})
    same_keys = KeySet(KEYS.keys)

    second = memo.authenticate(TOKEN, POLICY, {"main": same_keys})

    assert isinstance(second, SignedToken)
    assert second.key_set is same_keys
    assert len(memo) == 1


def test_a_new_policy_forgets_everything() -> None:
    memo = TokenMemo()
    first = memo.authenticate(TOKEN, POLICY, {"main": KEYS})
    memo.authenticate(other(1), POLICY, {"main": KEYS})

    second = memo.authenticate(TOKEN, policy(), {"main": KEYS})

    assert isinstance(second, SignedToken)
    assert second is not first
    assert len(memo) == 1


def test_memory_is_bounded_and_a_token_in_use_survives() -> None:
    memo = TokenMemo(capacity=4)
    first = memo.authenticate(TOKEN, POLICY, {"main": KEYS})

    for number in range(20):
        memo.authenticate(other(number), POLICY, {"main": KEYS})
        assert memo.authenticate(TOKEN, POLICY, {"main": KEYS}) is first
        assert len(memo) <= 4


def test_a_token_out_of_use_is_forgotten_and_checked_again() -> None:
    memo = TokenMemo(capacity=2)
    first = memo.authenticate(TOKEN, POLICY, {"main": KEYS})
    for number in range(3):
        memo.authenticate(other(number), POLICY, {"main": KEYS})

    again = memo.authenticate(TOKEN, POLICY, {"main": KEYS})

    assert isinstance(again, SignedToken)
    assert again is not first


def test_an_old_entry_of_a_withdrawn_key_is_not_used() -> None:
    memo = TokenMemo(capacity=2)
    memo.authenticate(TOKEN, POLICY, {"main": KEYS})
    memo.authenticate(other(1), POLICY, {"main": KEYS})

    assert isinstance(memo.authenticate(TOKEN, POLICY, {}), NeedKeys)


def test_what_is_remembered_is_what_is_found_without_memory() -> None:
    memo = TokenMemo()
    kept = memo.authenticate(TOKEN, POLICY, {"main": KEYS})
    plain = authenticate(TOKEN, POLICY, {"main": KEYS})

    assert isinstance(kept, SignedToken)
    assert isinstance(plain, SignedToken)
    assert (kept.claims.all, kept.identity_fields) == (plain.claims.all, plain.identity_fields)


def test_every_question_is_a_hit_or_a_miss() -> None:
    """The operator reads from these whether the memory is large enough."""
    memo = TokenMemo(capacity=4)
    one, two = other(1), other(2)

    counted = []
    for token, keys in (
        (TOKEN, {"main": KEYS}),  # new
        (TOKEN, {"main": KEYS}),  # seen
        (b"a.b.c", {"main": KEYS}),  # malformed
        (b"a.b.c", {"main": KEYS}),  # and not kept
        (TOKEN, {}),  # its keys are gone
        (one, {"main": KEYS}),
        (two, {"main": KEYS}),
        (one, {"main": KEYS}),  # from the old generation
    ):
        memo.authenticate(token, POLICY, keys)
        counted.append((memo.hits, memo.misses))

    assert counted == [(0, 1), (1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (2, 6)]


def test_a_new_policy_starts_with_misses() -> None:
    memo = TokenMemo()
    memo.authenticate(TOKEN, POLICY, {"main": KEYS})

    memo.authenticate(TOKEN, policy(), {"main": KEYS})

    assert (memo.hits, memo.misses) == (0, 2)
