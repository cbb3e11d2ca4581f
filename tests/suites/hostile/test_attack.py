"""An attack holds a token, and shows none."""

from gateway.decision.reason import Reason
from gateway.suites.hostile.attack import Forgery, Guard, let_through, send
from gateway.suites.hostile.control import Control


def test_a_forged_token_is_sent_in_place_of_the_good_one(order: Control) -> None:
    reasons = frozenset({Reason.TOKEN_MALFORMED})
    forgery = Forgery("dots", "two", "RFC 1", b"a.b.c", reasons, Guard("main", ("issuer",)))

    [attack] = send([forgery], order)

    assert b"\r\nAuthorization: Bearer a.b.c\r\n" in attack.head
    assert (attack.name, attack.variant, attack.source) == ("dots", "two", "RFC 1")
    assert (attack.reasons, attack.guard) == (reasons, forgery.guard)
    assert attack.shown == order.request.line
    assert "a.b.c" not in repr(forgery)
    assert "a.b.c" not in repr(attack)


def test_a_token_that_became_too_long_may_be_refused_for_that(order: Control) -> None:
    invalid, malformed = Reason.SIGNATURE_INVALID, Reason.TOKEN_MALFORMED
    longest = order.sandbox.settings.policy.max_token_bytes
    guard = Guard("main", ("issuer",))
    forgeries = [
        Forgery("x5c", "", "RFC 1", b"a" * size, frozenset({invalid}), guard)
        for size in (longest, longest + 1)
    ]

    reasons = [attack.reasons for attack in send(forgeries, order)]

    assert reasons == [{invalid}, {invalid, malformed}]


def test_who_is_let_through_is_told_by_which_route(order: Control) -> None:
    assert let_through(order.sent) == "allowed by the route read-order"
    assert "eyJ" not in repr(order.sent)
