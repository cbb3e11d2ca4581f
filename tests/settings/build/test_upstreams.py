"""Upstreams: servers and the times they may take."""

from pathlib import Path

import pytest

from gateway.settings.values.configuration import Server, Upstream
from gateway.tls.certificate import MACHINE_TRUST
from tests.settings.configs import assert_found, faults, load, one_upstream

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


def test_every_wrong_server_of_a_list_is_named(tmp_path: Path) -> None:
    found = faults(tmp_path, one_upstream("{servers: ['a:1', 'http://a', 'http://a:99999']}"))

    assert [fault.message for fault in found] == [
        "not a server: write http:// or https://, a host and optionally a port; no path, as in"
        " http://a:1",
        "the port is not between 1 and 65535",
    ]
