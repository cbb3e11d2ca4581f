"""Scopes that nobody asks for, or that stand alone beside another spelling, are found."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, routes, warnings
from tests.settings.configs import config


def asking(*scopes: str) -> str:
    """Return routes of which each asks for what stands in *scopes* at its place."""
    return routes(
        *(
            f"r{n}, match: {{path: /r{n}}}, require: {{scopes: {one}}}"
            for n, one in enumerate(scopes)
        )
    )


SUSPECT = [
    asking("[orders:read]", "[¦order:read]", "[orders:read]"),
    asking("[orders:read]", "[¦orders:raed]", "[orders:read]"),
    asking("[orders:read]", "[¦orders:reed]", "[orders:read]"),
    asking("[orders:read]", "[¦Orders:Read]", "[orders:read]"),
    asking("[orders:read]", "[¦orders.read]", "[orders:read]"),
    asking("[¦order:read]", "[orders:read]"),
    asking("[orders:read]", "{any: [a, {all: [b, ¦orders:raed]}]}", "{none: [orders:read]}"),
]
LONG = "orders:read:" * 5000
FAR = [
    asking(f"[{LONG}full]", f"[¦{LONG}fulll]", f"[{LONG}full]"),
    asking(f"[x{LONG}all]", f"[¦{LONG}all]", f"[x{LONG}all]"),
    asking(f"[{LONG}all]", f"[¦{LONG.upper()}all]", f"[{LONG}all]"),
]
DIFFERENT = [
    asking(f"[{LONG}orders:all]", f"[{LONG}billing:all]"),
    asking("[orders:read]", "[orders:write]", "[invoices:read]"),
    asking("[api:v1]", "[api:v2]", "[api:v10]"),
    asking("[level1:read]", "[level2:read]"),
    asking("[zone:a]", "[zone:b]"),
    asking("[team:eu:read]", "[team:us:read]"),
    asking("[orders:read]", "[order:read]", "[orders:read]", "[order:read]"),
    asking("[orders:read]", "[orders:read:all]"),
    asking("[a, b]", "[c]"),
]


@pytest.mark.parametrize("text", SUSPECT)
def test_a_scope_that_stands_once_near_another_one_is_doubtful(text: str, tmp_path: Path) -> None:
    assert_warned(tmp_path, "scope_suspect", config(routes=text))


@pytest.mark.parametrize("text", FAR, ids=["behind", "in front", "in capitals"])
def test_a_scope_of_any_length_is_compared_with_others(text: str, tmp_path: Path) -> None:
    assert_warned(tmp_path, "scope_suspect", config(routes=text))


@pytest.mark.parametrize("text", DIFFERENT, ids=str.__len__)
def test_scopes_that_differ_on_purpose_are_left_alone(text: str, tmp_path: Path) -> None:
    """By a number, by a whole short word, or because both stand more than once."""
    assert warnings(tmp_path, config(routes=text)) == ()


def test_what_is_granted_is_known(tmp_path: Path) -> None:
    granted = "scope_implies: {orders:admin: [order:read, orders:read]}\n"
    text = config(granted, routes=asking("[order:read]", "[orders:read]"))

    assert warnings(tmp_path, text) == ()


def test_the_message_asks_for_the_usual_spelling(tmp_path: Path) -> None:
    text = asking("[orders:read]", "[ordres:read]", "[orders:read]", "[orders:reads]")
    found = warnings(tmp_path, config(routes=text))

    assert [fault.message for fault in found] == [
        "`ordres:read` is used only here: did you mean `orders:read`?",
        "`orders:reads` is used only here: did you mean `orders:read`?",
    ]


@pytest.mark.parametrize(
    ("implies", "message"),
    [
        ("{admin: [¦orders:write]}", "`admin` implies `orders:write`, which no route requires"),
        (
            "{admin: [orders:read, ¦orders:raed]}",
            "`admin` implies `orders:raed`, which no route requires: did you mean `orders:read`?",
        ),
        ("{top: [admin], admin: [¦x]}", "`admin` implies `x`, which no route requires"),
    ],
)
def test_a_scope_that_is_granted_and_never_asked_for_is_doubtful(
    implies: str, message: str, tmp_path: Path
) -> None:
    text = config(f"scope_implies: {implies}\n", routes=asking("[orders:read]"))

    assert_warned(tmp_path, "scope_unused", text)
    [fault] = warnings(tmp_path, text.replace("¦", ""))
    assert fault.message == message


@pytest.mark.parametrize("scopes", ["[a, orders:read]", "{any: [b, {none: [orders:read]}]}"])
def test_what_some_route_asks_for_anyhow_is_used(scopes: str, tmp_path: Path) -> None:
    text = config("scope_implies: {admin: [orders:read]}\n", routes=asking(scopes))

    assert warnings(tmp_path, text) == ()


def test_a_route_of_an_included_file_is_one_of_them(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(asking("[orders:read]").replace("r0", "team"))
    text = config("scope_implies: {admin: [orders:read]}\ninclude: [team.yaml]\n")

    assert warnings(tmp_path, text) == ()


@pytest.mark.parametrize(
    ("scopes", "message"),
    [
        ("[¦'*']", "remove `scopes`, as in `require: {}`"),
        ("[¦'orders:*']", "as in `scopes: {any: [orders:read, …]}`"),
        ("{any: [a, ¦'orders:*']}", '`scope_implies: {"orders:*": [orders:read, …]}`'),
    ],
)
def test_a_scope_with_a_star_is_no_pattern(scopes: str, message: str, tmp_path: Path) -> None:
    text = config(routes=asking(scopes))

    assert_warned(tmp_path, "pattern_misread", text)
    [fault] = warnings(tmp_path, text.replace("¦", ""))
    assert message in fault.message


def test_a_scope_with_an_exclamation_mark_is_no_negation(tmp_path: Path) -> None:
    text = config(routes=asking("[¦'!admin', orders:read]"))

    assert_warned(tmp_path, "pattern_misread", text)
    [fault] = warnings(tmp_path, text.replace("¦", ""))
    assert "write `scopes: {none: [admin]}`" in fault.message


def test_a_scope_with_a_star_that_issuers_grant_stands_for_others(tmp_path: Path) -> None:
    implies = "scope_implies: {'orders:*': [orders:read]}\n"

    assert warnings(tmp_path, config(implies, routes=asking("['orders:*']", "[orders:read]"))) == ()
