"""Where no server takes a request, the client is told which of two things is the matter."""

from gateway.decision.reason import Reason
from gateway.proxy.upstream.queue import NoServer


def test_it_has_a_reason_for_the_client_and_words_for_the_log() -> None:
    failure = NoServer(Reason.OVERLOADED, "nobody had time")

    assert (failure.reason, str(failure)) == (Reason.OVERLOADED, "nobody had time")
