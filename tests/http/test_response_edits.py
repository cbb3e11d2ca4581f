"""An answer is changed as its route says, and as no other says."""

from gateway.http.cors import edit_response
from gateway.http.reading.fields import Fields
from gateway.http.reading.request import Request
from gateway.settings.values.rewrite import FieldEdits, Rewrite
from gateway.settings.values.route_options import RouteOptions

REQUEST = Request("GET", b"/", Fields())


def test_what_the_route_rewrites_is_rewritten() -> None:
    rewrite = Rewrite(response_fields=FieldEdits(frozenset({b"server"}), b"\r\nX-A: 1"))

    assert edit_response(
        b"\r\nServer: x", RouteOptions(9.0, 9.0, None, frozenset(), rewrite), REQUEST
    ) == (b"\r\nX-A: 1")


def test_of_another_route_nothing_is() -> None:
    fields = b"\r\nServer: x"

    assert edit_response(fields, RouteOptions(9.0, 9.0, None, frozenset()), REQUEST) is fields
