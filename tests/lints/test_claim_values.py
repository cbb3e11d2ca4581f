"""Tests of claims that no usual token passes are found, with the test to write."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, mark, warnings
from tests.settings.configs import config, require

ROUTES = """\
routes:
  - {name: a, match: {path: "/a/{x}"}, upstream: orders, require: {claims: FIRST}}
  - {name: b, match: {path: "/b/{x}"}, upstream: orders, require: {claims: SECOND}}
"""


def two(first: str, second: str) -> str:
    return config(routes=ROUTES.replace("FIRST", first).replace("SECOND", second))


def write(directory: Path, claims: str) -> str:
    [fault] = warnings(directory, require(f"{{claims: {{{claims}}}}}").replace("¦", ""))
    return fault.message


SUSPECT = [
    ("groups: {equals: ¦admin}", "write `contains: admin`"),
    (
        "groups: {in: ¦[a, b]}",
        "write `any: [{groups: {contains: a}}, {groups: {contains: b}}]` in `claims`",
    ),
    ("groups: {not_equals: ¦a}", "write `not: [{groups: {contains: a}}]` in `claims`"),
    ("groups: {matches: ¦'a*'}", "name an item, e.g. `contains: admin`"),
    ("realm_access.roles: {equals: ¦a}", "write `contains: a`"),
    ("'[\"https://a.example/roles\"]': {equals: ¦a}", "write `contains: a`"),
    ("any: [{groups: {equals: ¦a}}]", "write `contains: a`"),
    ("aud: {equals: ¦x}", "write `audiences: [x]` in `require`"),
    ("aud: {contains: ¦x}", "write `audiences: [x]` in `require`"),
    ("scope: {contains: ¦'orders:read'}", "write `scopes: [orders:read]` in `require`"),
    ("scp: {equals: ¦read}", "write `scopes: [read]` in `require`"),
    ("scope: {in: ¦[a, b]}", "write `scopes: [a, b]` in `require`"),
    ("email_verified: {equals: ¦'true'}", "write `equals: true`"),
    ("active: {equals: ¦'False'}", "write `equals: false`"),
    ("active: {in: [¦'true', x]}", "write `true`"),
    ("active: {not_equals: ¦'true'}", "write `not_equals: true`"),
    ("sub: {equals: ¦12345}", 'write `equals: "12345"`'),
    ("sub: {at_least: ¦5}", "is a text, and never at least a number"),
    ("auth_time: {equals: ¦'1780315190'}", "write `equals: 1780315190`"),
]


@pytest.mark.parametrize(("claims", "message"), SUSPECT)
def test_an_operand_that_the_claim_usually_never_has_is_doubtful(
    claims: str, message: str, tmp_path: Path
) -> None:
    assert_warned(tmp_path, "claim_suspect", require(f"{{claims: {{{claims}}}}}"))
    assert message in write(tmp_path, claims)


PATTERNS = [
    (r"email: {matches: ¦'.*@example\.com'}", 'write `matches: "*@example.com"`'),
    ("team: {matches: ¦'(a|b)'}", "write `in: [a, b]`"),
    (r"team: {matches: ¦'\d+'}", "list the values with `in`"),
    ("email: {equals: ¦'*@example.com'}", 'write `matches: "*@example.com"`'),
    ("email: {in: [¦'*@a.example', b]}", 'write `any: [{email: {matches: "*@a.example"}}, …]`'),
    ("email: {not_equals: ¦'*@a'}", 'write `not: [{email: {matches: "*@a"}}]` in `claims`'),
    ("email: {equals: ¦'*'}", "write `email: {exists: true}`"),
    (
        "groups: {contains: ¦'admin-*'}",
        "name each item, e.g. `any: [{groups: {contains: admin}}, …]`",
    ),
]


@pytest.mark.parametrize(("claims", "message"), PATTERNS)
def test_a_pattern_that_is_none_here_is_doubtful(claims: str, message: str, tmp_path: Path) -> None:
    assert_warned(tmp_path, "pattern_misread", require(f"{{claims: {{{claims}}}}}"))
    assert message in write(tmp_path, claims)


@pytest.mark.parametrize(
    "claims",
    [
        "groups: {contains: admin}",
        "groups: {exists: true}",
        "scope: {exists: true}",
        "role: {equals: admin}",
        "repository_owner_id: {equals: '123456'}",
        "client_id: {in: [a, b]}",
        "email_verified: {equals: true}",
        "tier: {at_least: 2}",
        "tier: {equals: '2'}",
        "email: {matches: '*@example.com'}",
        "ns: {matches: 'com.example.*'}",
        "sub: {matches: 'auth0|*'}",
        "sub: {equals: '{path.x}'}",
        "sub: {equals: '12345'}",
        "amr: {contains: mfa}",
        "not: {equals: a}",
    ],
)
def test_a_usual_test_is_no_doubt(claims: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, require(f"{{claims: {{{claims}}}}}")) == ()


def test_a_number_in_quotes_is_doubtful_beside_numbers_of_the_same_claim(tmp_path: Path) -> None:
    text = two("{tier: {at_least: 2}}", "{tier: {equals: ¦'3'}}")

    assert_warned(tmp_path, "claim_suspect", text)
    [fault] = warnings(tmp_path, text.replace("¦", ""))
    assert "compared as a number elsewhere" in fault.message
    assert "write `equals: 3`" in fault.message


def test_rules_of_issuers_and_of_second_tokens_are_looked_at(tmp_path: Path) -> None:
    text = (
        config(
            issuers="issuers:\n"
            "  main: {issuer: 'https://a/', discovery: true, audiences: [orders],"
            " require: {claims: {groups: {equals: ¦a}}}}\n"
            "  other: {issuer: 'https://b/', discovery: true, audiences: [orders]}\n",
        )
        .replace("require: {}", "require: {also: REST}")
        .replace("REST", "{header: X-Workload, issuers: [other], claims: {roles: {equals: ¦b}}}")
    ).replace("require: {also", "require: {issuers: [main], also")

    assert_warned(tmp_path, "claim_suspect", text)


def test_an_issuer_has_no_scopes_to_write(tmp_path: Path) -> None:
    text = config(
        issuers="issuers:\n  main: {issuer: 'https://a/', discovery: true, audiences: [orders],"
        " require: {claims: {scope: {contains: a}}}}\n"
    )

    assert warnings(tmp_path, text) == ()


@pytest.mark.parametrize("claims", ["groups: {equals: '${HOST}'}", "aud: {equals: '${HOST}'}"])
def test_a_value_of_the_environment_is_not_shown(claims: str, tmp_path: Path) -> None:
    message = write(tmp_path, claims)

    assert "10.0.0.9" not in message
    assert "…" in message


def test_a_secret_of_the_environment_may_have_a_star(tmp_path: Path) -> None:
    assert warnings(tmp_path, require("{claims: {hook: {equals: '${SECRET}'}}}")) == ()


def test_a_mark_stands_at_the_operand(tmp_path: Path) -> None:
    text = mark(require("{claims: {groups: {equals: admin}}}"), "admin")

    assert_warned(tmp_path, "claim_suspect", text)
