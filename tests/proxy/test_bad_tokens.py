"""Any token at all, on the wire: a refusal or a response of the service, no internal error."""

from collections.abc import Iterator

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.agreement.changed import mutated, recoded
from tests.agreement.generated import Case, with_any_key, with_odd_claims, with_odd_headers
from tests.agreement.odd_json import with_odd_json
from tests.proxy.gateways import bearer, good_token
from tests.proxy.hostile import problem, reason
from tests.proxy.messages import Message, make_request
from tests.proxy.world import World, running_world

# What is wrong with the credential alone; 403 and 404 have other grounds.
REASONS_400 = {"token_repeated", "request_malformed"}

many = settings(max_examples=3 * settings().max_examples)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("tokens")) as made:
        yield made


def check_refused(world: World, token: bytes, answer: Message, requests_before: int) -> None:
    """Demand a refusal in its form, with no part of the token in it, and no request behind it."""
    assert answer.status == 401 or reason(answer) in REASONS_400, answer
    assert len(world.service.requests) == requests_before
    assert problem(answer)["status"] == answer.status
    assert answer.status != 401 or answer.one(b"www-authenticate").startswith(b"Bearer realm=")
    for part in token.split(b"."):
        assert len(part) < 20 or part not in answer.body


@many
@given(token=st.binary(min_size=1, max_size=60) | st.binary(min_size=1, max_size=9_000))
@example(token=b"." * 8_000)
@example(token=b"..")
@example(token=b"\xff\xfe.\x80.\x00")
@example(token=b"eyJhbGciOiJFUzI1NiJ9." + b"\xc3\xa9" * 100 + b".AA")
def test_any_octets_for_a_token_are_refused(token: bytes, world: World) -> None:
    """7515.1, 8725.12."""
    # CR and LF would end the field, and what comes behind them were a field of its own.
    assume(b"\r" not in token and b"\n" not in token)
    before = len(world.service.requests)

    answer = world.ask(make_request("/api/x", bearer(token)))

    check_refused(world, token, answer, before)


ODD = st.one_of(
    with_odd_claims(), with_odd_headers(), with_any_key(), with_odd_json(), recoded(), mutated()
)


@many
@given(case=ODD)
def test_any_odd_token_is_refused_or_its_request_is_forwarded(case: Case, world: World) -> None:
    """7519.3, 8725.4: some are signed by a key of this gateway's issuer, with claims that hold."""
    assume(b"\r" not in case.token and b"\n" not in case.token)
    before = len(world.service.requests)

    answer = world.ask(make_request("/api/x", bearer(case.token)))

    if answer.status == 403:
        assert reason(answer) == "scope_missing"
        assert len(world.service.requests) == before
    elif answer.status == 200:
        assert len(world.service.requests) == before + 1
    else:
        check_refused(world, case.token, answer, before)


@many
@given(
    at=st.integers(0, len(good_token()) - 1),
    junk=st.binary(max_size=6),
    taken=st.integers(0, 3),
)
def test_a_good_token_that_was_tampered_with_anywhere_is_refused(
    at: int, junk: bytes, taken: int, world: World
) -> None:
    """8725.4."""
    good = good_token()
    token = good[:at] + junk + good[at + taken :]
    assume(b"\r" not in token and b"\n" not in token)
    assume(token.strip(b" \t") != good)
    before = len(world.service.requests)

    answer = world.ask(make_request("/api/x", bearer(token)))

    check_refused(world, token, answer, before)
