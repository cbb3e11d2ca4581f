"""Upstreams: servers and the times they may take."""

from pathlib import Path

import pytest

from gateway.settings.values.configuration import Server, Upstream, UpstreamProtocol
from gateway.tls.certificate import MACHINE_TRUST
from tests.settings.configs import assert_found, config, faults, load, one_upstream

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("bad_value", one_upstream('{servers: [¦"ftp://a"]}')),
    ("bad_value", one_upstream('{servers: [¦"http://a/path"]}')),
    ("bad_value", one_upstream('{servers: [¦"http://a:0"]}')),
    ("bad_value", one_upstream('{servers: [¦"http://user@a"]}')),
    ("duplicate_value", one_upstream('{servers: ["http://a", ¦"http://a"]}')),
    ("duplicate_value", one_upstream('{servers: ["http://a", ¦"http://A:80"]}')),
    ("duplicate_value", one_upstream('{servers: ["http://[::1]", ¦"http://[0::1]"]}')),
    ("bad_value bad_value", one_upstream('{servers: [¦"http://a/", ¦"http://b/"]}')),
    ("conflicting_keys", one_upstream('{servers: [¦"http://a"], protocol: h2}')),
    ("conflicting_keys", one_upstream('{servers: [¦"https://a", "http://b"], protocol: h2c}')),
    ("bad_value", one_upstream('{servers: ["http://a"], protocol: ¦http2}')),
    ("wrong_type", one_upstream('{servers: ["http://a"], protocol: ¦2}')),
    ("conflicting_keys", one_upstream('{servers: ["http://a"], ¦grpc_web: true}')),
    ("wrong_type", one_upstream('{servers: ["http://a"], protocol: h2c, grpc_web: ¦"yes"}')),
    ("bad_value duplicate_value", one_upstream('{servers: [¦"a", "http://a", ¦"http://a:80"]}')),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_an_upstream_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_an_upstream_has_its_servers_in_order_and_its_times(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        one_upstream(
            "{servers: ['http://b:81', 'https://a'], connect_timeout: 1s, response_timeout: 2s,"
            " idle_timeout: 500ms}"
        ),
    )

    assert settings.upstreams["orders"] == Upstream(
        "orders",
        (Server("b", 81, False, "b:81"), Server("a", 443, True, "a")),
        connect_timeout_seconds=1.0,
        response_timeout_seconds=2.0,
        idle_timeout_seconds=0.5,
        tls=MACHINE_TRUST,
    )


@pytest.mark.parametrize(
    ("text", "protocol", "offers_http2"),
    [
        ("{servers: ['http://a']}", UpstreamProtocol.HTTP1, None),
        ("{servers: ['https://a']}", UpstreamProtocol.HTTP1, False),
        ("{servers: ['http://a'], protocol: h2c}", UpstreamProtocol.H2C, None),
        ("{servers: ['https://a'], protocol: h2}", UpstreamProtocol.H2, True),
    ],
)
def test_http2_is_offered_where_it_is_configured_and_only_by_tls(
    text: str, protocol: UpstreamProtocol, offers_http2: bool | None, tmp_path: Path
) -> None:
    upstream = load(tmp_path, one_upstream(text)).upstreams["orders"]

    assert upstream.protocol is protocol
    assert (None if upstream.tls is None else upstream.tls.http2) is offers_http2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{servers: ['http://a'], protocol: h2}",
            "`protocol: h2` is HTTP/2 over TLS, and this server is plain http: write https, or"
            " `protocol: h2c`",
        ),
        (
            "{servers: ['https://a'], protocol: h2c}",
            "`protocol: h2c` is HTTP/2 without TLS, and this server is https: write http, or"
            " `protocol: h2`",
        ),
        (
            "{servers: ['http://a'], grpc_web: true}",
            "gRPC needs HTTP/2: write `protocol: h2c` for http servers, or `protocol: h2` for https"
            " ones",
        ),
        (
            "{servers: ['http://a'], http2: true}",
            "unknown key `http2`: write `protocol: h2c` for HTTP/2 to http servers, or `protocol:"
            " h2` to https ones",
        ),
    ],
)
def test_a_fault_about_the_protocol_says_what_to_write(
    text: str, message: str, tmp_path: Path
) -> None:
    assert [fault.message for fault in faults(tmp_path, one_upstream(text))] == [message]


UPGRADING = """\
routes:
  - name: chat
    match: {path: /chat}
    upstream: orders
    public: true
    ¦upgrades: [websocket]
"""


def test_no_route_allows_upgrades_to_an_upstream_of_http2(tmp_path: Path) -> None:
    """A connection that many requests share cannot become the tunnel of one."""
    upstreams = "upstreams:\n  orders: {servers: ['http://a'], protocol: h2c}\n"

    assert_found(
        tmp_path, "conflicting_keys", config(issuers="", upstreams=upstreams, routes=UPGRADING)
    )
    (fault,) = faults(
        tmp_path,
        config(issuers="", upstreams=upstreams, routes=UPGRADING.replace("¦", "")),
    )
    assert fault.message == (
        "`orders` has `protocol: h2c`, and an upgrade takes a connection of HTTP/1.1: remove"
        " `upgrades`, or use an upstream with `protocol: http1` for this route"
    )


def test_every_wrong_server_of_a_list_is_named(tmp_path: Path) -> None:
    found = faults(tmp_path, one_upstream("{servers: ['a:1', 'http://a', 'http://a:99999']}"))

    assert [fault.message for fault in found] == [
        "not a server: write http:// or https://, a host and optionally a port; no path, as in"
        " http://a:1",
        "the port is not between 1 and 65535",
    ]
