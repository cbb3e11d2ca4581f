"""An explanation as text: the verdict first, and everything escaped for a terminal."""

from pathlib import Path

from gateway.cli.explain.text import format_explanation
from tests.admin.test_explanation import routes, tell_of
from tests.proxy.messages import make_request


def lines(directory: Path, head: bytes, *notes: str, **changes: object) -> list[str]:
    return format_explanation(tell_of(directory, head, **changes), notes).split("\n")


def test_the_verdict_is_first(tmp_path: Path) -> None:
    allowed = lines(tmp_path, make_request("/open/x"))
    refused = lines(tmp_path, make_request("/api/x"))

    assert allowed[0] == "allowed: open sends it to main (http://a.test:8080, https://b.test)"
    assert refused[:3] == [
        "refused: 401 token_missing",
        "  because: no bearer token was sent",
        "  what to do: gateway help token_missing",
    ]


def test_every_step_is_marked_and_stands_in_columns(tmp_path: Path) -> None:
    shown = lines(tmp_path, make_request("/api/x"))

    start = shown.index("steps") + 1
    assert shown[start : shown.index("", start)] == [
        "  ok  request     expected  one well-formed HTTP/1.1 request within the limits",
        "                  found     one",
        "  ok  path        expected  a path in canonical form",
        "                  found     /api/x",
        "  ok  route       expected  a route for GET on host 'gateway.test'  [file:api]",
        "                  found     api",
        "  NO  credential  expected  one bearer token  [file:api]",
        "                  found     no bearer token was sent",
    ]


def test_routes_are_shown_or_counted(tmp_path: Path) -> None:
    table = routes({"path": "/orders/{id}"}, {"path": "/a"}, {"path": "/b"})

    shown = lines(tmp_path, make_request("/ordrs"), routes=table)

    start = shown.index("routes") + 1
    place = f"{tmp_path / 'gateway.yaml'}:"
    assert [line.partition(f"  [{place}")[0] for line in shown[start : start + 2]] == [
        "  r0  does not match the path, but looks like it: /orders/{id}",
        "  2 more: does not match the path",
    ]


def test_where_none_is_worth_a_look_they_are_counted(tmp_path: Path) -> None:
    shown = lines(tmp_path, make_request("/zzz"), routes=routes({"path": "/a"}, {"path": "/b"}))

    assert shown[shown.index("routes") + 1] == "  2: does not match the path"


def test_what_was_no_request_has_no_routes(tmp_path: Path) -> None:
    assert "routes" not in lines(tmp_path, b"nonsense\r\n\r\n")


def test_an_answer_to_head_has_no_body(tmp_path: Path) -> None:
    shown = lines(tmp_path, make_request("/api/x", method="HEAD"))

    start = shown.index("the answer") + 1
    assert shown[start] == "  HTTP/1.1 401 Unauthorized"
    assert not [line for line in shown[start:] if line.startswith("  {")]


def test_notes_are_last(tmp_path: Path) -> None:
    shown = lines(tmp_path, make_request("/open/x"), "one", "two")

    assert shown[-3:] == ["", "note: one", "note: two"]


def test_nothing_steers_a_terminal(tmp_path: Path) -> None:
    head = make_request("/open/x", b"X-A: \xc2\x9b2J\xff")

    text = format_explanation(tell_of(tmp_path, head))

    assert "  X-A: \\x9b2J\\xff" in text
    assert all(line.isprintable() for line in text.split("\n"))
