"""What a route rewrites is built where it leads to one canonical path, and refused elsewhere."""

from pathlib import Path

import pytest

from gateway.settings.values.rewrite import FieldEdits, HostField, QueryEdits, Rewrite
from tests.settings.configs import assert_found, config, load

ROUTE = "routes:\n  - {{name: a, match: {{{}}}, upstream: orders, require: {{}}, rewrite: {}}}\n"


def rewriting(text: str, match: str = "path_prefix: /api/v1/") -> str:
    """Return a configuration whose one route rewrites as in *text*."""
    return config(routes=ROUTE.format(match, text))


def built(directory: Path, text: str, match: str = "path_prefix: /api/v1/") -> Rewrite:
    (options,) = load(directory, rewriting(text, match)).route_options
    assert options.rewrite is not None
    return options.rewrite


GOOD = [
    ("{strip_prefix: /api}", Rewrite(1)),
    ("{strip_prefix: /api/v1}", Rewrite(2)),
    ("{strip_prefix: /%61pi}", Rewrite(1)),
    ("{replace_prefix: {from: /api, to: /v2/caf%C3%A9}}", Rewrite(1, b"/v2/caf%C3%A9")),
    ("{replace_prefix: {from: /api/v1, to: /}}", Rewrite(2)),
    ("{host: upstream}", Rewrite(host=HostField.UPSTREAM)),
    ("{host: keep}", Rewrite()),
    ("{host: 'shop.example:8080'}", Rewrite(host=b"shop.example:8080")),
    (
        "{query: {set: {a b: 'x&y'}, remove: [debug]}}",
        Rewrite(query=QueryEdits(frozenset({b"a b", b"debug"}), b"a%20b=x%26y")),
    ),
    (
        "{request_headers: {set: {X_Area: '1'}, remove: [Cookie]}}",
        Rewrite(request_fields=FieldEdits(frozenset({b"x-area", b"cookie"}), b"\r\nX_Area: 1")),
    ),
    (
        "{answer_headers: {remove: [Server]}}",
        Rewrite(response_fields=FieldEdits(frozenset({b"server"}))),
    ),
]
BAD = [
    ("bad_value", rewriting("{strip_prefix: ¦/ap}")),
    ("bad_value", rewriting("{strip_prefix: ¦/api/}")),
    ("bad_value", rewriting("{strip_prefix: ¦/}")),
    ("bad_value", rewriting("{strip_prefix: ¦api}")),
    ("bad_value", rewriting("{strip_prefix: ¦/v1}")),
    ("bad_value", rewriting("{strip_prefix: ¦/API}")),
    ("bad_value", rewriting("{strip_prefix: ¦/api/v1/x}")),
    ("bad_value", rewriting("{strip_prefix: ¦//api}")),
    ("bad_value", rewriting("{strip_prefix: ¦/api/..}")),
    ("bad_value", rewriting("{strip_prefix: ¦/api%2Fv1}")),
    ("bad_value", rewriting("{strip_prefix: ¦'/api?x'}")),
    ("bad_value", rewriting("{strip_prefix: ¦'/{t}'}", "path_prefix: '/{t}/'")),
    ("bad_value", rewriting("{strip_prefix: ¦/a/x}", "path_prefix: '/a/{t}/'")),
    ("bad_value", rewriting("{replace_prefix: {from: ¦/x, to: /y}}")),
    ("bad_value", rewriting("{replace_prefix: {from: /api, to: ¦web}}")),
    ("bad_value", rewriting("{replace_prefix: {from: /api, to: ¦/y/}}")),
    ("bad_value", rewriting("{replace_prefix: {from: /api, to: ¦/..}}")),
    ("bad_value", rewriting("{replace_prefix: {from: /api, to: ¦/%2e%2e/y}}")),
    ("bad_value", rewriting("{replace_prefix: {from: /api, to: ¦/y//z}}")),
    ("bad_value", rewriting("{replace_prefix: {from: /api, to: ¦'/y z'}}")),
    ("bad_value", rewriting("{replace_prefix: {from: /api, to: ¦'/y?z=1'}}")),
    ("bad_value", rewriting("{replace_prefix: {from: /api, to: ¦/é}}")),
    ("bad_value", rewriting("{replace_prefix: {from: /api, to: ¦/y%2Fz}}")),
    ("bad_value", rewriting("{replace_prefix: {from: /api, to: ¦'/y;z'}}")),
    ("bad_value", rewriting("{replace_prefix: {from: /api, to: ¦'/{x}'}}")),
    ("conflicting_keys", rewriting("{strip_prefix: /api, ¦replace_prefix: {from: /api, to: /y}}")),
    ("bad_value", rewriting("{host: ¦'a@b'}")),
    ("bad_value", rewriting("{host: ¦'a, b'}")),
    ("bad_value", rewriting('{host: ¦"a\\r\\nX: 1"}')),
    ("bad_value", rewriting("{host: ¦'http://a'}")),
    ("conflicting_keys", rewriting("{query: {set: {a: b}, remove: [¦a]}}")),
    ("missing_key", rewriting("{query: ¦{}}")),
    ("missing_key", rewriting("¦{}")),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_what_is_said_is_built(text: str, expected: Rewrite, tmp_path: Path) -> None:
    assert built(tmp_path, text) == expected


def test_the_whole_of_an_exact_path_may_be_cut_off(tmp_path: Path) -> None:
    assert built(tmp_path, "{strip_prefix: /a}", "path: /a") == Rewrite(1)
    assert built(tmp_path, "{strip_prefix: /a}", "path: '/a/{x}'") == Rewrite(1)


@pytest.mark.parametrize(("code", "text"), BAD)
def test_what_could_lead_to_another_shape_is_refused_at_its_place(
    code: str, text: str, tmp_path: Path
) -> None:
    """GHSA-6jwx-7vp4-9847."""
    assert_found(tmp_path, code, text)


def test_a_route_that_says_nothing_rewrites_nothing(tmp_path: Path) -> None:
    assert [one.rewrite for one in load(tmp_path, config()).route_options] == [None]
