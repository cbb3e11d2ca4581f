"""What is recorded of an exchange, whichever way it ended."""

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny
from gateway.proxy.recording.record import route_of, sizes_of, token_of
from tests.decision.policies import route

HERE, THERE = route("/here"), route("/there")
CALLER: Any = object()


def ended(**parts: Any) -> Any:
    nothing = {"allow": None, "deny": None, "stream": None, "upload": None, "sent_bytes": 0}
    return SimpleNamespace(**nothing | parts)


def refused(token: Any = None, to: Any = THERE) -> Deny:
    return Deny(Reason.SCOPE_MISSING, "no scope", to, token)


def test_the_route_is_the_one_that_allowed_the_request_or_else_refused_it() -> None:
    allow = Allow(HERE, b"/here", None, b"")

    assert route_of(ended(allow=allow)) is HERE
    assert route_of(ended(allow=allow, deny=refused())) is HERE
    assert route_of(ended(deny=refused())) is THERE
    assert route_of(ended(deny=refused(to=None))) is None
    assert route_of(ended()) is None


def test_the_token_is_the_one_that_was_judged() -> None:
    assert token_of(ended(allow=Allow(HERE, b"/", CALLER, b""))) is CALLER
    assert token_of(ended(deny=refused(CALLER))) is CALLER
    assert token_of(ended(deny=refused())) is None
    assert token_of(ended()) is None


def test_a_refusal_in_report_mode_names_its_token() -> None:
    """Nobody is vouched for then, and still the line says who it was."""
    allow = Allow(HERE, b"/", None, b"", refused(CALLER))

    assert token_of(ended(allow=allow)) is CALLER


@pytest.mark.parametrize(
    ("parts", "sizes"),
    [
        ({"sent_bytes": 7}, (7, 0)),
        ({"sent_bytes": 7, "upload": SimpleNamespace(received_bytes=5)}, (7, 5)),
        (
            {
                "sent_bytes": 7,
                "stream": SimpleNamespace(
                    tunnel=SimpleNamespace(from_server_bytes=3, from_client_bytes=2)
                ),
            },
            (3, 2),
        ),
    ],
    ids=["an answer", "a body and an answer", "a tunnel"],
)
def test_the_sizes_are_of_bodies_or_of_what_a_tunnel_passed_on(
    parts: dict[str, Any], sizes: tuple[int, int]
) -> None:
    assert sizes_of(ended(**parts)) == sizes
