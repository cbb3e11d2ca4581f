"""What came of attacks, counted."""

from gateway.settings.text.fault import Place
from gateway.suites.hostile.findings import Finding, HostileReport, Kind, RouteAttacks

PLACE = Place("gateway.yaml", 3, 5)
OPENED = Finding(Kind.OPENED, "a", "expired", "soon", "RFC", "GET /", "through", PLACE)
WAIVED = Finding(Kind.OPENED, "a", "dots", "", "", "GET /", "through", PLACE, "known")
UNUSED = Finding(Kind.NOT_USED, "a", "crit", "", "", "", "text", PLACE)


def test_what_is_waived_is_no_failure_and_a_useless_waiver_is_one() -> None:
    routes = (
        RouteAttacks("a", PLACE, {"expired": 2, "dots": 1}, (OPENED, WAIVED)),
        RouteAttacks("b", PLACE, {"expired": 2}, ()),
    )
    report = HostileReport("gateway.yaml", routes, (UNUSED,))

    assert report.failures == (OPENED, UNUSED)
    assert report.waived == (WAIVED,)
    assert report.size == 5


def test_a_finding_is_told_by_its_place_route_and_attack() -> None:
    assert str(OPENED) == "gateway.yaml:3:5: a: expired (soon)"
    assert str(WAIVED) == "gateway.yaml:3:5: a: dots"
