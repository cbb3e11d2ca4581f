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


CALLS = """\
version: 1
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}
upstreams:
  calls: {servers: ["http://10.0.0.7:8000"], protocol: h2c}
  site: {servers: ["http://10.0.0.8:8000"]}
routes:
  - name: orders
    match: {path_prefix: /shop.Orders/, hosts: [api.example]}
    upstream: calls
    require: {scopes: [orders]}
  - {name: site, match: {path_prefix: /, hosts: [api.example]}, upstream: site, public: true}
"""


@pytest.mark.parametrize(
    ("words", "method", "status"),
    [
        (["/shop.Orders/Get"], "POST", 16),
        (["https://api.example/shop.Orders/Get", "--grpc"], "POST", 16),
        (["POST", "https://api.example/shop.Orders/Get", "--grpc"], "POST", 16),
        (["/shop.Orders/Get", "--claims", '{"scope": "other"}'], "POST", 7),
        (["GET", "https://api.example/shop.Orders/Get"], "GET", None),
        (["/shop.Orders/get-it"], "GET", None),
        (["/other.Service/Get"], "GET", None),  # not over HTTP/2
        (["/index.html"], "GET", None),
    ],
)
def test_a_path_that_looks_like_a_method_of_grpc_is_a_call(
    words: list[str], method: str, status: int | None, tmp_path: Path
) -> None:
    path = write_config(tmp_path, CALLS)

    explained = json.loads(run("explain", *words, "--config", path, "--json").stdout)

    assert explained["request"]["method"] == method
    assert explained["grpc_status"] == status


def test_a_call_that_is_refused_shows_what_its_caller_receives(tmp_path: Path) -> None:
    path = write_config(tmp_path, CALLS)

    done = run("explain", "/shop.Orders/Get", "--config", path)

    assert done.exit_code == 1
    assert "refused: 401 token_missing\n  for the caller: grpc-status 16 UNAUTHENTICATED" in (
        done.stdout
    )
    assert "expected  one well-formed HTTP/2 request" in done.stdout
    assert "\n  HTTP/2 200\n" in done.stdout
    assert "\n  grpc-message: token_missing: " in done.stdout


def test_a_call_that_is_allowed_shows_the_fields_that_its_service_receives(tmp_path: Path) -> None:
    path = write_config(tmp_path, CALLS)

    done = run(
        "explain", "/shop.Orders/Get", "--claims", '{"scope": "orders"}', "--config", path, "--json"
    )

    head = json.loads(done.stdout)["forwarded"]
    assert done.exit_code == 0
    assert head.startswith(
        ":method: POST\r\n:scheme: http\r\n:authority: api.example\r\n:path: /shop.Orders/Get\r\n"
    )
    assert "\r\nte: trailers\r\n" in head
    assert "transfer-encoding" not in head.lower()


def test_a_call_is_one_on_the_host_where_its_route_has_http_2(tmp_path: Path) -> None:
    rest = "  - {name: rest, match: {path_prefix: /}, upstream: site, public: true}\n"
    path = write_config(tmp_path, CALLS + rest)

    explained = json.loads(run("explain", "/shop.Orders/Get", "--config", path, "--json").stdout)
    assert explained["request"]["host"] == "api.example"

    path.write_text(path.read_text().replace("upstream: site", "upstream: calls"))
    done = run("explain", "/shop.Orders/Get", "--config", path)
    assert done.exit_code == 2
    assert "the path has another route on another host" in done.stderr


def test_a_call_with_another_method_is_a_usage_error(tmp_path: Path) -> None:
    path = write_config(tmp_path, CALLS)

    done = run("explain", "GET", "/shop.Orders/Get", "--grpc", "--config", path)

    assert done.exit_code == 2
    assert "--grpc: a call of gRPC is a POST, not GET" in done.stderr


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
