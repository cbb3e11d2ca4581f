"""What came of attacks, for people."""

from gateway.settings.text.fault import Place
from gateway.suites.hostile.findings import Finding, HostileReport, Kind, RouteAttacks
from gateway.suites.running.report_text import format_attack_summary, format_attacks

PLACE = Place("gateway.yaml", 3, 5)
OPENED = Finding(
    Kind.OPENED, "a", "expired", "soon", "RFC 7519 §4.1.4", "GET a/", "let through", PLACE
)
WAIVED = Finding(Kind.OPENED, "a", "dots", "", "", "GET a/", "let through", PLACE, "known")
UNUSED = Finding(Kind.NOT_USED, "a", "crit", "", "", "", "take it out", Place("s.yaml", 7, 3))
ROUTES = (
    RouteAttacks("a", PLACE, {"expired": 1200, "dots": 34}, (OPENED, WAIVED), ("ann", None), "x"),
    RouteAttacks("b", PLACE, {}, ()),
)


def test_each_failure_is_a_block_and_what_was_left_out_is_told() -> None:
    lines = list(format_attacks(HostileReport("gateway.yaml", ROUTES, (UNUSED,)), every=False))

    assert lines == [
        "FAIL gateway.yaml:3:5: a: expired (soon)",
        "  got through: let through",
        "  GET a/",
        "  see RFC 7519 §4.1.4",
        "FAIL s.yaml:7:3: a: crit",
        "  unused waiver: take it out",
        "a: not tried: x",
    ]


def test_everything_is_a_line_for_each_route_and_each_waiver() -> None:
    lines = list(format_attacks(HostileReport("gateway.yaml", ROUTES), every=True))

    assert "ok   gateway.yaml:3:5: b: 0 attacks" in lines
    assert "waived gateway.yaml:3:5: a: dots: known" in lines
    assert (
        "ok   gateway.yaml:3:5: a: 1,234 attacks, based on ann and claims generated from its rules"
        in lines
    )


def test_the_summary_counts() -> None:
    failed = HostileReport("gateway.yaml", ROUTES, (UNUSED,))
    held = HostileReport("gateway.yaml", (RouteAttacks("a", PLACE, {"dots": 1}, ()),))

    assert format_attack_summary(failed) == (
        "1,234 attacks on 1 route of gateway.yaml, 2 failed, 1 waived"
    )
    assert format_attack_summary(held) == "1 attack on 1 route of gateway.yaml, all held"
