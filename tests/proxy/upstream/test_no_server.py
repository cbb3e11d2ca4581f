"""If no server takes a request, the client learns whether it was overload or an outage."""

from gateway.decision.reason import Reason
from gateway.proxy.upstream.queue import NoServer


def test_it_has_a_reason_for_the_client_and_a_detail_for_the_log() -> None:
    failure = NoServer(Reason.OVERLOADED, "nobody had time")

    assert (failure.reason, str(failure)) == (Reason.OVERLOADED, "nobody had time")
