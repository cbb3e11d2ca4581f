"""No broad `except` hides a bug: each reports the error, or raises it again."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

GATEWAY = Path(__file__).parents[2] / "gateway"

_BROAD = {"Exception", "BaseException"}

# How an error is reported: by the event loop, in a log with its traceback, to a waiting thread.
_REPORTS = {
    "report_unexpected_error",
    "exception",
    "set_exception",
    "_refuse_for",
    "_fail_stream",
    "describe_error",
}


def broad_handlers(source: str) -> Iterator[ast.ExceptHandler]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and _is_broad(node.type):
            yield node


def _is_broad(caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(name, ast.Name) and name.id in _BROAD for name in names)


def hides(handler: ast.ExceptHandler) -> bool:
    names = set()
    for node in ast.walk(handler):
        if isinstance(node, ast.Raise):
            return False
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
    return names.isdisjoint(_REPORTS)


def suppresses_all(source: str) -> bool:
    return any(
        isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) == "suppress"
        and any(isinstance(one, ast.Name) and one.id in _BROAD for one in node.args)
        for node in ast.walk(ast.parse(source))
    )


def test_no_module_swallows_an_error_that_it_does_not_know() -> None:
    """A bug, or a lack of memory or descriptors, would look like an invalid signature or key."""
    hidden = [
        f"{path.relative_to(GATEWAY)}:{handler.lineno}"
        for path in sorted(GATEWAY.rglob("*.py"))
        for handler in broad_handlers(path.read_text())
        if hides(handler)
    ]

    assert hidden == []
    assert [p for p in GATEWAY.rglob("*.py") if suppresses_all(p.read_text())] == []


@pytest.mark.parametrize(
    ("handler", "is_hiding"),
    [
        ("except Exception:\n    return False", True),
        ("except:\n    pass", True),
        ("except (ValueError, Exception):\n    pass", True),
        ("except Exception:\n    raise", False),
        ("except Exception as bug:\n    report_unexpected_error('here', bug)", False),
        ("except BaseException:\n    _log.exception('here')", False),
    ],
)
def test_the_search_knows_what_hides_an_error(handler: str, is_hiding: bool) -> None:
    (found,) = broad_handlers(f"try:\n    work()\n{handler}\n")

    assert hides(found) is is_hiding
