"""The view of an explanation: steps, relevant routes, and what would be sent."""

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.explanation import ExplanationView, documentation, view_explanation
from gateway.decision.explaining.candidates import Fit
from gateway.decision.explaining.steps import Setting
from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny, Publish
from gateway.http.rehearsal import Rehearsal
from tests.proxy.gateways import bearer, good_token, load, write_config
from tests.proxy.messages import make_request

NOW = 784111777.9
ROOT = Path(__file__).parents[2]


def tell_of(directory: Path, head: bytes, **changes: Any) -> ExplanationView:
    settings = load(write_config(directory, ["http://a.test:8080", "https://b.test"], changes))
    rehearsal = Rehearsal(settings)
    request = rehearsal.read(head)
    explanation = rehearsal.explain(request, {}, NOW, {})
    return view_explanation(rehearsal, request, explanation, NOW, _place_of)


def _place_of(setting: Setting) -> str:
    return f"file:{setting.name}"


def routes(*matches: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": f"r{number}", "match": match, "upstream": "main", "public": True}
        for number, match in enumerate(matches)
    ]


def fits(told: ExplanationView) -> list[tuple[str, Fit]]:
    return [(one.route.name, one.fit) for one in told.routes]


def test_what_is_allowed_has_a_service_and_its_servers(tmp_path: Path) -> None:
    told = tell_of(tmp_path, make_request("/open/x"))

    assert isinstance(told.verdict, Allow)
    assert (told.route, told.deny) == ("open", None)
    assert told.upstream is not None
    assert told.upstream.name == "main"
    assert told.servers == ["http://a.test:8080", "https://b.test"]
    assert told.written.startswith(b"GET /open/x HTTP/1.1\r\n")


def test_what_is_refused_has_a_reason_and_no_service(tmp_path: Path) -> None:
    told = tell_of(tmp_path, make_request("/api/x"))

    assert isinstance(told.verdict, Deny)
    assert told.deny is told.verdict
    assert (told.route, told.upstream, told.servers) == ("api", None, [])
    assert told.written.startswith(b"HTTP/1.1 401 ")


def test_what_is_only_reported_has_both(tmp_path: Path) -> None:
    trial = {"name": "t", "match": {"path": "/t"}, "upstream": "main", "mode": "report"}

    told = tell_of(tmp_path, make_request("/t"), routes=[{**trial, "require": {}}])

    assert isinstance(told.verdict, Allow)
    assert told.deny is not None
    assert told.deny.reason is Reason.TOKEN_MISSING


def test_a_document_has_neither(tmp_path: Path) -> None:
    resources = {"a": {"resource": "https://gateway.test/", "authorization_servers": ["main"]}}
    issuers = {
        "main": {
            "issuer": "https://login.example.com/",
            "discovery": True,
            "audiences": ["https://gateway.test/"],
        }
    }
    head = make_request("/.well-known/oauth-protected-resource")

    told = tell_of(tmp_path, head, resources=resources, issuers=issuers)

    assert isinstance(told.verdict, Publish)
    assert (told.deny, told.route, told.upstream) == (None, None, None)


def test_keys_are_had_before_anything_is_told(tmp_path: Path) -> None:
    rehearsal = Rehearsal(load(write_config(tmp_path, ["http://a.test"], {})))
    request = rehearsal.read(make_request("/api/x", bearer()))
    asking = rehearsal.explain(request, {}, NOW, {}, is_final=False)

    with pytest.raises(ValueError, match="keys"):
        view_explanation(rehearsal, request, asking, NOW, _place_of)


def test_each_step_has_the_place_of_its_setting(tmp_path: Path) -> None:
    told = tell_of(tmp_path, make_request("/api/x", bearer()))

    places = {one.step.check.value: one.place for one in told.steps}
    assert places["path"] is None
    assert (places["route"], places["key"]) == ("file:api", "file:main")


@pytest.mark.parametrize("scheme", [b"Basic YTpi", b"Bearer " + good_token()])
def test_no_credential_is_in_what_is_told(scheme: bytes, tmp_path: Path) -> None:
    head = make_request("/open/x", b"Authorization: " + scheme, "X-A: Authorization: kept")

    told = tell_of(tmp_path, head, identity={"forward_token": True})

    assert b"\r\nAuthorization: (not shown)\r\n" in told.written
    assert b"\r\nX-A: Authorization: kept\r\n" in told.written
    assert scheme not in told.written


def test_routes_that_match_the_path_are_worth_a_look_and_the_others_counted(
    tmp_path: Path,
) -> None:
    table = routes(
        {"path_prefix": "/a/"},
        {"path": "/a/b", "methods": ["PUT"]},
        {"path": "/a/b", "hosts": ["other.test"]},
        {"path": "/b"},
        {"path": "/c"},
        {"path": "/a/{x}"},
    )

    told = tell_of(tmp_path, make_request("/a/c"), routes=table)

    assert fits(told) == [("r5", Fit.OWNS), ("r0", Fit.LESS_SPECIFIC)]
    assert told.others == {Fit.OTHER_PATH: 4}


def test_where_no_route_matches_those_are_shown_whose_paths_look_like_it(tmp_path: Path) -> None:
    table = routes(
        {"path": "/orders/{id}"},
        {"path_prefix": "/invoices/"},
        {"path": "/x", "hosts": ["other.test"]},
        {"path": "/ordrs", "hosts": ["other.test"]},
    )

    told = tell_of(tmp_path, make_request("/ordrs"), routes=table)

    assert fits(told) == [("r3", Fit.OTHER_HOST), ("r0", Fit.OTHER_PATH)]
    assert told.others == {Fit.OTHER_PATH: 2}


def test_no_more_are_shown_than_can_be_looked_at(tmp_path: Path) -> None:
    table = routes(*({"path": "/a", "hosts": [f"h{number}.test"]} for number in range(30)))

    told = tell_of(tmp_path, make_request("/a", host="h7.test"), routes=table)

    assert fits(told) == [
        ("r7", Fit.OWNS),
        *((f"r{number}", Fit.OTHER_HOST) for number in range(10) if number != 7),
    ]
    assert told.others == {Fit.OTHER_HOST: 20}


@pytest.mark.parametrize(
    "head",
    [b"nonsense\r\n\r\n", make_request("/a", host="a b"), make_request("/a", method="TRACE")],
)
def test_for_what_is_no_request_there_are_no_routes(head: bytes, tmp_path: Path) -> None:
    told = tell_of(tmp_path, head)

    assert (told.routes, told.others) == ((), {})


def test_every_reason_has_its_place_in_the_documents() -> None:
    page = (ROOT / "docs/reasons.md").read_text()
    # As GitHub makes them: lower case, spaces as dashes, no other punctuation.
    anchors = {
        "docs/reasons.md#" + re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.+)$", page, re.MULTILINE)
    }

    assert {documentation(reason) for reason in Reason} <= anchors
