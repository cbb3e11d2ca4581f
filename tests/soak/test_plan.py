"""The plan of a soak: the same for the same seed, and of everything something."""

from itertools import chain

from tests.soak.order import BROKEN, WHOLE, read_target
from tests.soak.plan import BODY_FLAWS, HEAD_FLAWS, Ask, Streams, Talk, Visit, plan_connection

PLANS = [plan_connection("seed", worker, number) for worker in range(30) for number in range(100)]
VISITS = [plan for plan in PLANS if isinstance(plan, Visit)]
TALKS = [plan for plan in PLANS if isinstance(plan, Talk)]
STREAMS = [plan for plan in PLANS if isinstance(plan, Streams)]
ASKS = list(chain.from_iterable(visit.asks for visit in VISITS))


def test_a_connection_can_be_planned_again_by_its_numbers_alone() -> None:
    assert plan_connection("seed", 7, 11) == PLANS[711]
    assert plan_connection("other seed", 7, 11) != PLANS[711]


def test_a_repetition_differs_in_its_nonces_alone() -> None:
    again = plan_connection("seed", 7, 11, run=".1")

    assert str(again).replace("7-11.1", "7-11") == str(PLANS[711])


def test_no_two_requests_have_the_same_nonce() -> None:
    nonces = [ask.nonce for ask in ASKS] + [talk.ask.nonce for talk in TALKS]
    nonces += [ask.nonce for streams in STREAMS for ask in streams.asks]

    assert len(set(nonces)) == len(nonces)


def test_there_is_something_of_everything() -> None:
    assert {ask.order.do for ask in ASKS} == {*WHOLE, *BROKEN}
    assert {ask.flaw for ask in ASKS} == {"", *HEAD_FLAWS, *BODY_FLAWS}
    assert {ask.route for ask in ASKS} == {"steady", "shaky", "open", "admin", "nowhere"}
    assert {ask.credential for ask in ASKS} == {"good", "none", "forged", "expired", "weak"}
    assert {ask.version for ask in ASKS} == {"1.0", "1.1"}
    assert {ask.expects for ask in ASKS} == {ask.is_chunked for ask in ASKS} == {True, False}
    aborts = {(visit.abort.where, visit.abort.how) for visit in VISITS if visit.abort}
    assert len(aborts) == 12
    assert {len(streams.asks) for streams in STREAMS} == set(range(1, 17))
    assert any(streams.cancelled for streams in STREAMS)
    endings = {talk.ending for talk in TALKS}
    assert endings == {"handshake", "reset", "close", "half-close", "service"}


def test_a_service_reads_the_order_that_was_written() -> None:
    for ask in ASKS:
        assert read_target(ask.target.encode()) == (ask.nonce, ask.order)


def test_no_order_says_what_http_forbids() -> None:
    """RFC 9110 §6.4.1: 204 and 304 have no body, so no framing of one either."""
    framed = {"chunked", "events", "until-close", "interim", "excess", *BROKEN}

    def is_framed(ask: Ask) -> bool:
        return ask.order.do in framed

    assert not [ask for ask in ASKS if not ask.order.has_body and is_framed(ask)]
