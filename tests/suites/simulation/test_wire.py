"""A request is read and forwarded as the data port does it, by the same code."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.decision.verdict import Allow, Deny
from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import SimulatedRequest, parse_request
from gateway.suites.simulation.trial import Trial
from gateway.suites.simulation.wire import ForwardedRequest, authorization, write_head
from tests.suites.worlds import AT, ESTATE, load

ALICE = Persona("alice", "main", {"scope": "orders:read", "tenant": "acme"})
ORDER = "https://api.example.com:8443/tenants/acme/orders/7?x=%20"


def asked(url: str = ORDER, method: str = "GET", **headers: str) -> SimulatedRequest:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return parse_request(method, url, named)


def forwarded(
    settings: Settings, request: SimulatedRequest, persona: Persona = ALICE
) -> ForwardedRequest:
    trial = Trial(settings, AT)
    allow = trial.ask_as(persona, request).verdict
    assert isinstance(allow, Allow), allow
    return trial.forward_as(persona, request, allow)


def refused(settings: Settings, request: SimulatedRequest) -> str:
    deny = Trial(settings, AT).ask_as(ALICE, request).verdict
    assert isinstance(deny, Deny), deny
    return deny.reason.code


def test_the_service_gets_the_target_and_who_is_calling(tmp_path: Path) -> None:
    got = forwarded(load(tmp_path), asked(X_Own="kept", Cookie="a=b"))

    assert got.target == "/tenants/acme/orders/7?x=%20"
    assert got.fields == (
        ("Host", "api.example.com:8443"),
        ("X-Own", "kept"),
        ("Cookie", "a=b"),
        ("X-Gateway-Subject", "alice"),
        ("X-Gateway-Issuer", "https://login.example/"),
        ("X-Gateway-Client", "alice-client"),
        ("X-Gateway-Scopes", "orders:read"),
        ("X-Gateway-Token-Id", "alice-token"),
        ("X-Request-Id", "xxxxxxxxxxxxxx-xxxxxxxxx"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "api.example.com:8443"),
        ("Forwarded", 'for=192.0.2.1;host="api.example.com:8443";proto=http'),
        ("Via", "1.1 jwt-gateway-xxxxxxxx"),
    )


def test_names_are_found_in_any_case(tmp_path: Path) -> None:
    got = forwarded(load(tmp_path), asked(X_Own="kept"))

    assert got.values("x-oWN") == ("kept",)
    assert got.values("Authorization") == ()


@pytest.mark.parametrize("name", ["X-Gateway-Subject", "x.gateway.subject", "X_Gateway_Subject"])
def test_a_forged_identity_goes_nowhere(name: str, tmp_path: Path) -> None:
    request = parse_request("GET", ORDER, [(name, "root")])

    got = forwarded(load(tmp_path), request)

    assert got.values("X-Gateway-Subject") == ("alice",)
    assert "root" not in [value for _, value in got.fields]


def test_the_token_is_forwarded_where_the_configuration_says_so(tmp_path: Path) -> None:
    settings = load(tmp_path, ESTATE + "identity: {forward_token: true}\n")

    (value,) = forwarded(settings, asked()).values("Authorization")

    assert value.startswith("Bearer ")


def test_another_scheme_passes_on_a_public_route(tmp_path: Path) -> None:
    request = asked("https://h/healthz", Authorization="Basic YTpi")

    got = forwarded(load(tmp_path), request, Persona("nobody"))

    assert got.values("Authorization") == ("Basic YTpi",)


def test_what_was_said_by_a_proxy_counts_where_it_is_trusted(tmp_path: Path) -> None:
    request = asked(X_Forwarded_For="198.51.100.7", Via="1.1 other")
    trusting = load(tmp_path, ESTATE + "trusted_proxies: [192.0.2.0/24]\n")

    believed = forwarded(trusting, request)
    other = forwarded(load(tmp_path), request)

    assert believed.values("X-Forwarded-For") == ("198.51.100.7, 192.0.2.1",)
    assert other.values("X-Forwarded-For") == ("192.0.2.1",)
    assert other.values("Via") == ("1.1 other, 1.1 jwt-gateway-xxxxxxxx",)


def test_an_upgrade_goes_on_where_the_route_allows_it(tmp_path: Path) -> None:
    text = ESTATE.replace("path: /any}, upstream: orders,", "path: /any}, upstream: orders, %s,")
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    request = asked("https://h/any", **headers)

    got = forwarded(load(tmp_path, text.replace("%s", "upgrades: [websocket]")), request)

    assert got.values("Upgrade") == ("websocket",)
    assert refused(load(tmp_path), request) == "not_supported"


@pytest.mark.parametrize(
    ("request_", "extra", "reason"),
    [
        (asked(f"https://h/{'a' * 9000}"), (), "target_too_long"),
        (asked(X="a", Content_Length="1a"), (), "request_malformed"),
        (asked(Content_Length="11"), ("limits: {body: 10B}",), "body_too_large"),
        (parse_request("GET", ORDER, [("a_b", "c")]), ("underscore_names: reject",),
         "request_malformed"),
        (asked("https://h/a/../b"), (), "path_rejected"),
    ],
)  # fmt: skip
def test_what_the_data_port_refuses_is_refused(
    request_: SimulatedRequest, extra: Sequence[str], reason: str, tmp_path: Path
) -> None:
    assert refused(load(tmp_path, ESTATE + "\n".join(extra)), request_) == reason


def test_fields_stand_in_front_of_the_requests_own() -> None:
    request = parse_request("PUT", "https://a.example:8443/x?y=1", [("X-Own", "1")])

    head = write_head(request, (b"X-Bad", b"\xff"), *authorization(b"Bearer a", b""))

    assert head == (
        b"PUT /x?y=1 HTTP/1.1\r\nHost: a.example:8443\r\nX-Bad: \xff\r\n"
        b"Authorization: Bearer a\r\nAuthorization: \r\nX-Own: 1\r\n\r\n"
    )


FIELD = "token_from: [{header: X-Goog-IAP-JWT-Assertion}]"


@pytest.mark.parametrize(
    ("token_from", "name"),
    [
        ("", "Authorization"),
        (FIELD, "x-goog-iap-jwt-assertion"),
        (FIELD.replace("[", "[authorization, "), "Authorization"),
    ],
)
def test_a_token_is_sent_where_its_route_reads_it(
    token_from: str, name: str, tmp_path: Path
) -> None:
    comma = ", " if token_from else ""
    rest = f"match: {{path: /there}}, upstream: orders, require: {{}}{comma}{token_from}"
    route = f"{{name: there, {rest}}}"
    settings = load(tmp_path, ESTATE.replace("routes:\n", f"routes:\n  - {route}\n"))
    request = asked("https://api.example.com/there")

    trial = Trial(settings, AT)

    assert f"\r\n{name}: Bearer ".encode() in trial.head_of(ALICE, request)
    assert isinstance(trial.ask_as(ALICE, request).verdict, Allow)
    assert forwarded(settings, request).values(name) == ()
