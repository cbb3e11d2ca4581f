"""Differences, for machines."""

import json
from pathlib import Path
from typing import Any

from gateway.suites.differences.report_formats import format_json
from tests.suites.differences.configs import SAME, difference, edited


def parsed(directory: Path, new: str) -> Any:
    return json.loads(format_json(difference(directory, new)))


def test_nothing_is_empty_lists_and_how_much_was_asked(tmp_path: Path) -> None:
    found = parsed(tmp_path, SAME)

    assert (found["changes"], found["limits"], found["cells"]) == ([], [], [])
    assert found["gaps"] == []
    assert found["asked"]["routes"] == 3
    assert found["asked"]["regions"] == found["asked"]["requests_left_out"] == 0


def test_each_change_and_each_cell_is_an_object(tmp_path: Path) -> None:
    found = parsed(tmp_path, edited(("methods: [GET, HEAD]", "methods: [GET]")))

    [change] = found["changes"]
    old, new = f"{tmp_path}/old.yaml", f"{tmp_path}/new.yaml"
    assert change == {
        "change": "changed",
        "subject": "route",
        "name": "read-order",
        "facet": "methods",
        "kinds": [],
        "old": {"text": "GET, HEAD", "file": old, "line": 15, "column": 77},
        "new": {"text": "GET", "file": new, "line": 15, "column": 77},
    }
    insecure = edited(("audiences: [orders, shop]", "audiences: [orders, shop], insecure: true"))
    [change] = parsed(tmp_path, insecure)["changes"]
    assert change["kinds"] == ["opened"]
    cell = next(one for one in found["cells"] if one["change"] == "closed")
    assert cell["method"] == "HEAD"
    assert (cell["authority"], cell["target"]) == ("a.example", "/t/some-2/orders/some-4")
    assert cell["methods"] == ["HEAD"]
    assert cell["callers"]
    assert cell["old"]["becomes"] == "allow"
    assert cell["old"]["route"] == "read-order"
    assert cell["new"]["becomes"] == "method_not_allowed"
    assert cell["new"]["would_deny"] is None
    assert cell["new"]["because"]["file"] == new


def test_cwe_150_no_text_steers_the_terminal_that_shows_the_json(tmp_path: Path) -> None:
    claims = r'require: {claims: {role: {equals: "\u202Enimda\u009b31m"}}}'
    found = difference(tmp_path, edited(("require: {scopes: [read, write]}", claims)))
    text = format_json(found)

    assert text.replace("\n", "").isprintable()
    assert "role equals \u202enimda\x9b31m" in json.dumps(json.loads(text), ensure_ascii=False)
