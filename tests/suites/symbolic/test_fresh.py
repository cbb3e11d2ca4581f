"""Names that stand for all those that no route has."""

from gateway.decision.rules.claim_tests import compile_claim_test
from gateway.suites.symbolic.fresh import Fresh
from gateway.suites.symbolic.tries import HostTries
from tests.suites.symbolic.tables import named


def test_plain_words_are_chosen() -> None:
    fresh = Fresh([HostTries([named("a", "/a", hosts=["*.example.com"])])])

    assert (fresh.segment(0), fresh.segment(1)) == ("some-1", "some-2")
    assert fresh.host("") == "some.test"  # `example` is a label of the table
    assert fresh.host(".example.com") == "some.example.com"
    assert fresh.host("api.example.com") == "api.example.com"


def test_no_name_of_the_tables_is_chosen() -> None:
    test = compile_claim_test(("tenant",), "in", ["any-3", 7])
    table = [
        named("a", "/some/{x}", claims=(test,)),
        named("b", "/other-1/*", hosts=["some.other.any", "any.example"]),
    ]
    fresh = Fresh([HostTries(table)], ["x.test", "x.invalid"])

    assert fresh.segment(0) == "x0x-1"
    assert fresh.host("") == "x0x.x0x"
