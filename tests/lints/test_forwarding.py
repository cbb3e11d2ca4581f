"""Tokens and requests that go where others may get hold of them are found."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, routes, warnings
from tests.settings.configs import config

BOTH = routes(
    "a, match: {path: /a}, require: {}", "b, match: {path: /b}, require: {}, upstream: other"
)
FORWARD = "identity: {¦forward_token: true}\n"
PLAIN = FORWARD.replace("¦", "")


def upstreams(orders: str = "https://10.0.0.7", other: str = "https://10.0.0.8") -> str:
    return f"upstreams:\n  orders: {{servers: [{orders}]}}\n  other: {{servers: [{other}]}}\n"


def test_services_that_get_tokens_of_each_others_are_doubtful(tmp_path: Path) -> None:
    """MCP.1: a token is not passed through to another resource."""
    assert_warned(tmp_path, "token_forwarded", config(FORWARD, upstreams=upstreams(), routes=BOTH))


@pytest.mark.parametrize(
    "text",
    [
        config(upstreams=upstreams(), routes=BOTH),
        config(PLAIN, upstreams=upstreams(), routes=BOTH.replace("path: /b}, require: {}",
                                                                 "path: /b}, public: true")),
        config(PLAIN.replace("true", "false"), upstreams=upstreams(), routes=BOTH),
    ],
)  # fmt: skip
def test_one_service_that_gets_tokens_is_no_doubt(text: str, tmp_path: Path) -> None:
    """Where a route is public a token is not asked for; most clients send none."""
    assert warnings(tmp_path, text) == ()


@pytest.mark.parametrize("server", ["http://93.184.216.34", "'http://[2606:4700::1111]:8000'"])
def test_plain_http_over_the_public_network_is_doubtful(server: str, tmp_path: Path) -> None:
    """9700.2: what goes between the gateway and a service must be protected."""
    text = config(upstreams=upstreams(f"http://10.0.0.1, ¦{server}"), routes=BOTH)

    assert_warned(tmp_path, "insecure_upstream", text)


@pytest.mark.parametrize("server", ["http://10.0.0.7:8000", "http://orders", "http://orders.svc.x"])
def test_tokens_over_plain_http_are_doubtful_in_any_network(server: str, tmp_path: Path) -> None:
    one = upstreams(f"¦{server}").partition("  other")[0]
    route = routes("a, match: {path: /a}, require: {}")

    assert_warned(tmp_path, "insecure_upstream", config(PLAIN, upstreams=one, routes=route))
    plain = one.replace("¦", "")
    assert warnings(tmp_path, config(upstreams=plain, routes=route)) == ()


@pytest.mark.parametrize(
    "server",
    ["http://127.0.0.1:8000", "http://localhost:8000", "'http://[::1]:8000'", "https://a.b"],
)
def test_this_machine_and_https_are_no_doubt(server: str, tmp_path: Path) -> None:
    one = upstreams(server).partition("  other")[0]
    route = routes("a, match: {path: /a}, require: {}")

    assert warnings(tmp_path, config(PLAIN, upstreams=one, routes=route)) == ()


@pytest.mark.parametrize(
    ("ports", "server"),
    [
        ("", "http://127.0.0.1:8080"),
        ("", "http://localhost:9901"),
        ("listen: 127.0.0.1:8000\n", "http://127.0.0.1:8000"),
        ("listen: '[::1]:8000'\n", "http://127.0.0.1:8000"),
        ("listen: 10.0.0.1:8000\n", "http://10.0.0.1:8000"),
        ("listen: [127.0.0.1:8001, 127.0.0.1:8000]\n", "http://127.0.0.1:8000"),
        ("admin: 127.0.0.1:8001\n", "'https://[::1]:8001'"),
    ],
)
def test_a_server_that_is_the_gateway_itself_is_doubtful(
    ports: str, server: str, tmp_path: Path
) -> None:
    text = config(ports, upstreams=upstreams(f"¦{server}"), routes=BOTH)

    assert_warned(tmp_path, "upstream_is_gateway", text)


@pytest.mark.parametrize(
    ("ports", "server"),
    [
        ("", "http://127.0.0.1:8081"),
        ("", "http://10.0.0.1:8080"),
        ("admin: false\n", "http://127.0.0.1:9901"),
        ("listen: 10.0.0.1:8000\n", "http://127.0.0.1:8000"),
    ],
)
def test_another_port_or_machine_is_no_doubt(ports: str, server: str, tmp_path: Path) -> None:
    text = config(ports, upstreams=upstreams(server), routes=BOTH)

    assert warnings(tmp_path, text) == ()


def test_the_admin_port_is_named_as_such(tmp_path: Path) -> None:
    text = config(upstreams=upstreams("http://127.0.0.1:9901"), routes=BOTH)

    [fault] = warnings(tmp_path, text)
    assert (
        fault.message
        == "this upstream is the admin port, which is for operators: clients would reach it"
    )
