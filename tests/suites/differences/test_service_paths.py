"""A route that is moved onto what other routes guard opens it, and no other move does."""

from pathlib import Path

import pytest

from gateway.suites.differences.compare_regions import Cell
from gateway.suites.differences.facet import Kind
from tests.suites.differences.configs import difference

HEAD = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}
upstreams:
  web: {servers: ["http://10.0.0.1:80"]}
  shop: {servers: ["http://10.0.0.2:80", "http://10.0.0.3:80"]}
routes:
  - {name: admin, match: {path_prefix: /admin/}, upstream: shop, require: {scopes: [admin]}}
  - {name: order, match: {path: "/orders/{id}"}, upstream: shop, require: {scopes: [read]}}
  - {name: news, match: {path: /news}, upstream: shop, public: true}
"""


def route(match: str, upstream: str = "web", more: str = "public: true") -> str:
    return f"{HEAD}  - {{name: moved, match: {match}, upstream: {upstream}, {more}}}\n"


def opened(directory: Path, old: str, new: str) -> list[Cell]:
    found = difference(directory, new, old).of(Kind.OPENED)
    return [cell for cell in found if cell.new.route == "moved"]


WEAK = "require: {scopes: [read]}"
STRIP = ", rewrite: {strip_prefix: /x}"


@pytest.mark.parametrize(
    ("old", "new", "request_line", "guarded"),
    [
        (
            route("{path_prefix: /x/}", "shop"),
            route("{path_prefix: /x/}", "shop", f"public: true{STRIP}"),
            "GET some.example/x/admin/some",
            "GET some.example/admin/some",
        ),
        (
            route("{path_prefix: /x/}", "web", f"public: true{STRIP}"),
            route("{path_prefix: /x/}", "shop", f"public: true{STRIP}"),
            "GET some.example/x/admin/some",
            "GET some.example/admin/some",
        ),
        (
            route('{path: "/x/{id}"}', "shop"),
            route(
                '{path: "/x/{id}"}',
                "shop",
                "public: true, rewrite: {replace_prefix: {from: /x, to: /orders}}",
            ),
            "GET some.example/x/some",
            "GET some.example/orders/some",
        ),
    ],
    ids=["another path", "another service", "a variable"],
)
def test_a_public_route_that_reaches_what_others_guard_opens_it(
    old: str, new: str, request_line: str, guarded: str, tmp_path: Path
) -> None:
    cells = opened(tmp_path, old, new)

    shown = {cell.request.line: cell for cell in cells}
    assert request_line in shown
    cell = shown[request_line]
    assert "nobody" in cell.callers
    assert cell.old.word == "token_missing"
    assert cell.old_cause.text.startswith(f"{guarded}, which the service receives as /")
    back = difference(tmp_path, old, new).of(Kind.CLOSED)
    [closed] = [one for one in back if one.request == cell.request and one.old == cell.new]
    assert (closed.callers, closed.new, closed.new_cause.text) == (
        cell.callers,
        cell.old,
        cell.old_cause.text,
    )


def test_a_weak_route_opens_what_a_stronger_one_guards_to_those_whom_it_allows(
    tmp_path: Path,
) -> None:
    before = route("{path_prefix: /x/}", "shop", WEAK)
    after = route("{path_prefix: /x/}", "shop", f"{WEAK}{STRIP}")

    [cell] = [one for one in opened(tmp_path, before, after) if "/admin/" in one.request.line]

    assert cell.callers[0] == "main with read"
    assert "nobody" not in cell.callers
    assert not any("/orders/" in one.request.line for one in opened(tmp_path, before, after))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Nobody guarded that path at the service.
        (route("{path: /x/y}", "shop"), route("{path: /x/y}", "shop", f"public: true{STRIP}")),
        # Public there, too.
        (
            route("{path: /x/news}", "shop"),
            route("{path: /x/news}", "shop", f"public: true{STRIP}"),
        ),
        # By another method.
        (
            route("{path_prefix: /x/, methods: [GET]}", "shop").replace(
                "path_prefix: /admin/}", "path_prefix: /admin/, methods: [POST]}"
            ),
            route("{path_prefix: /x/, methods: [GET]}", "shop", f"public: true{STRIP}")
            .replace("path_prefix: /admin/}", "path_prefix: /admin/, methods: [POST]}")
            .replace('path: "/orders/{id}"}', 'path: "/orders/{id}", methods: [POST]}'),
        ),
        # It was there before.
        (
            route("{path_prefix: /x/}", "shop", f"public: true{STRIP}"),
            route("{path_prefix: /x/}", "shop", f"public: true{STRIP}, timeouts: {{total: 5s}}"),
        ),
    ],
    ids=["unguarded", "public", "method", "unmoved"],
)
def test_other_moves_open_nothing(old: str, new: str, tmp_path: Path) -> None:
    if "methods: [GET]" in old:
        old = old.replace('path: "/orders/{id}"}', 'path: "/orders/{id}", methods: [POST]}')
    assert opened(tmp_path, old, new) == []
