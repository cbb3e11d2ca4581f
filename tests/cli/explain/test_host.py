"""A path alone is explained on the host that knows it."""

import json
from pathlib import Path

import pytest

from tests.cli.config_files import run, write_config

ISSUERS = """\
version: 1
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}
upstreams:
  orders: {servers: ["http://10.0.0.7:8000"]}
routes:
"""


def config(directory: Path, *routes: str) -> Path:
    lines = (
        f"  - {{name: r{number}, match: {{{match}}}, upstream: orders, require: {{}}}}\n"
        for number, match in enumerate(routes)
    )
    return write_config(directory, ISSUERS + "".join(lines))


@pytest.mark.parametrize(
    ("routes", "host"),
    [
        (["path_prefix: /"], "localhost"),
        (["path: /orders/7, hosts: [a.example]"], "a.example"),
        (["path: /other, hosts: [a.example]"], "a.example"),
        (["path: /other, hosts: [a.example]", "path: /more, hosts: [b.example]"], "localhost"),
        (["path: /orders/7, hosts: ['*.example']"], "any.example"),
        (["path: /x, hosts: [a.example]", "path: /orders/7, hosts: [b.example]"], "b.example"),
        (["path: /x, hosts: [a.example]", "path_prefix: /orders/"], "a.example"),
        (["path: /orders/7, hosts: [a.example, b.example]"], "a.example"),
        (["path: /orders/7, methods: [PUT], hosts: [a.example]", "path: /x"], "a.example"),
        (["path: /orders/7, hosts: ['[::1]']"], "[::1]"),
    ],
)
def test_the_host_is_the_one_that_knows_the_path(
    routes: list[str], host: str, tmp_path: Path
) -> None:
    path = config(tmp_path, *routes)

    explained = json.loads(run("explain", "/orders/7", "--config", path, "--json").stdout)

    assert explained["request"] == {"method": "GET", "host": host, "target": "/orders/7"}


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        (
            ["path: /orders/7, hosts: [a.example]", "path_prefix: /"],
            "write https://a.example/orders/7 or https://localhost/orders/7\n",
        ),
        (
            [f"path_prefix: /, hosts: [{name}.example]" for name in "abcde"],
            "write https://a.example/orders/7 or https://b.example/orders/7 or"
            " https://c.example/orders/7 or 2 more\n",
        ),
    ],
)
def test_hosts_with_different_routes_have_to_be_told_apart(
    routes: list[str], message: str, tmp_path: Path
) -> None:
    done = run("explain", "/orders/7", "--config", config(tmp_path, *routes))

    assert done.exit_code == 2
    assert done.stderr.endswith(message)


def test_a_method_and_a_query_stay_and_a_path_that_is_no_path_is_refused(tmp_path: Path) -> None:
    path = config(tmp_path, "path_prefix: /, hosts: [a.example]")

    explained = run("explain", "PUT", "/orders/../7?a=b", "--config", path, "--json")

    shown = json.loads(explained.stdout)
    assert shown["request"] == {"method": "PUT", "host": "a.example", "target": "/orders/../7?a=b"}
    assert shown["reason"] == "path_rejected"
