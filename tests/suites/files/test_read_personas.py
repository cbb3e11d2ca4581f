"""A persona takes over what it extends; who extends nobody, or itself, is told so."""

from pathlib import Path

import pytest

from gateway.suites.files.read_suite import BrokenSuite, read_suite
from gateway.suites.files.suite import Suite
from gateway.suites.simulation.browsers import Browser
from gateway.suites.simulation.persona import Persona


def read(directory: Path, personas: str) -> Suite | BrokenSuite:
    path = directory / "a.test.yaml"
    path.write_text(f"version: 1\npersonas:\n{personas}")
    return read_suite(path, {})


def build(directory: Path, personas: str) -> dict[str, Persona]:
    suite = read(directory, personas)
    assert isinstance(suite, Suite), suite
    return {name: one.persona for name, one in suite.personas.items()}


def faults(directory: Path, personas: str) -> list[str]:
    suite = read(directory, personas)
    assert isinstance(suite, BrokenSuite), "nothing wrong was found"
    return [str(fault).removeprefix(f"{directory}/a.test.yaml:") for fault in suite.faults]


def test_a_persona_has_all_that_is_said_of_it(tmp_path: Path) -> None:
    found = build(
        tmp_path,
        "  a: {issuer: main, claims: {level: 1, roles: [x]}, times: {exp: -5m, auth_time: +0s},"
        " without: [client_id], header: {typ: JWT}, algorithm: RS256, attack: unsigned,"
        " revoked: [blocked]}\n",
    )

    assert found["a"] == Persona(
        name="a",
        issuer="main",
        claims={"level": 1, "roles": ["x"]},
        times={"exp": -300.0, "auth_time": 0.0},
        without=frozenset({"client_id"}),
        header={"typ": "JWT"},
        algorithm="RS256",
        attack="unsigned",
        revoked=("blocked",),
    )


def test_claims_are_merged_and_the_rest_is_taken_over(tmp_path: Path) -> None:
    found = build(
        tmp_path,
        "  c: {extends: b, claims: {c: 9}}\n"
        "  b: {extends: a, claims: {b: 2}, header: {k: 2}, algorithm: RS256}\n"
        "  a: {issuer: main, claims: {a: 1, b: 1}, header: {h: 1}, attack: unsigned}\n",
    )

    assert found["c"] == Persona(
        name="c",
        issuer="main",
        claims={"a": 1, "b": 2, "c": 9},
        header={"h": 1, "k": 2},
        algorithm="RS256",
        attack="unsigned",
    )


def test_the_nearest_word_on_a_claim_counts(tmp_path: Path) -> None:
    found = build(
        tmp_path,
        "  a: {issuer: main, claims: {a: 1, b: 1}, times: {exp: +1h}, without: [jti, sub]}\n"
        "  b: {extends: a, claims: {exp: soon, jti: 7}, times: {a: -1s}, without: [b]}\n",
    )

    assert found["b"].claims == {"exp": "soon", "jti": 7}
    assert found["b"].times == {"a": -1.0}
    assert found["b"].without == {"sub", "b"}


def test_a_very_long_line_of_descent_is_no_trouble(tmp_path: Path) -> None:
    lines = "".join(f"  p{n}: {{extends: p{n + 1}}}\n" for n in range(3000))

    found = build(tmp_path, lines + "  p3000: {issuer: main}\n")

    assert found["p0"].issuer == "main"


@pytest.mark.parametrize(
    ("personas", "expected"),
    [
        ("  a: {extends: a}\n", ["3:16: extends_cycle: a circle: a extends a"]),
        (
            "  a: {extends: b}\n  b: {extends: c}\n  c: {extends: b}\n  d: {extends: a}\n",
            ["5:16: extends_cycle: a circle: b extends c extends b"],
        ),
        (
            "  alice: {issuer: main}\n  boss: {extends: alise}\n",
            ["4:19: unknown_reference: no persona `alise`: did you mean `alice`?"],
        ),
        (
            "  a: {}\n",
            ["3:3: missing_key: `a` has no issuer: name one, or say `anonymous: true`"],
        ),
        (
            "  a: {anonymous: true}\n  b: {extends: a}\n",
            ["4:3: missing_key: `b` has no issuer: name one, or say `anonymous: true`"],
        ),
        (
            "  a: {anonymous: true, issuer: main}\n",
            [
                "3:24: conflicting_keys: `issuer` and `anonymous`: an anonymous persona sends no "
                "token"
            ],
        ),
        (
            "  a: {issuer: main, claims: {exp: 1}, times: {exp: +1s}}\n",
            ["3:39: conflicting_keys: the claim `exp` stands in `claims` and in `times`"],
        ),
        (
            "  a: {issuer: main, times: {exp: 5m}}\n",
            ["3:34: bad_value: not a distance from now: write it like -30s, +5m or +1h"],
        ),
        (
            "  a: {issuer: main, attack: sigature}\n",
            ["3:29: unknown_reference: no attack `sigature`: did you mean `signature`?"],
        ),
        (
            "  a: {issuer: main, algorithm: RS255}\n",
            ["3:32: bad_value: `RS255` is not one of "],
        ),
        (
            "  a: {issuer: main, revoked: [blocked], without: [jti]}\n",
            ["3:3: conflicting_keys: `revoked` needs a `jti`, and this token has none"],
        ),
        ("  others: {issuer: main}\n", ["3:3: bad_value: `others` stands for all personas"]),
        ("  a b: {issuer: main}\n", ["3:3: bad_value: `a b` is not a valid name"]),
        ("  a: 3\n  b: {extends: a}\n", ["3:6: wrong_type: expected a mapping"]),
        ("  a: {issuer: 3}\n", ["3:15: wrong_type: expected text, not a number"]),
        ("  a: {anonymous: false, issuer: main}\n", ["3:18: bad_value: only true is allowed"]),
    ],
)
def test_a_wrong_persona_is_named_at_its_place(
    personas: str, expected: list[str], tmp_path: Path
) -> None:
    found = faults(tmp_path, personas)

    assert len(found) == len(expected), found
    for fault, start in zip(found, expected, strict=True):
        assert fault.startswith(start)


def test_a_persona_may_come_by_session_and_hand_it_down(tmp_path: Path) -> None:
    found = build(
        tmp_path,
        "  a: {issuer: main, session: web}\n"
        "  b: {extends: a, browser: navigation}\n"
        "  c: {anonymous: true, browser: other-site}\n",
    )

    assert found["a"] == Persona("a", "main", session="web")
    assert found["b"] == Persona("b", "main", session="web", browser=Browser.NAVIGATION)
    assert found["c"] == Persona("c", browser=Browser.OTHER_SITE)


@pytest.mark.parametrize(
    ("personas", "expected"),
    [
        (
            "  a: {anonymous: true, session: web}\n",
            "3:24: conflicting_keys: `session` and `anonymous`:"
            " an anonymous persona sends no token",
        ),
        (
            "  a: {issuer: main, session: web, attack: unsigned}\n",
            "3:3: conflicting_keys: a session has the token that the issuer issued:"
            " no attack reaches it",
        ),
        (
            "  a: {issuer: main, browser: robot}\n",
            "3:30: bad_value: `robot` is not one of page, navigation, other-site",
        ),
    ],
)
def test_a_session_is_of_somebody_and_holds_what_the_issuer_gave(
    personas: str, expected: str, tmp_path: Path
) -> None:
    assert faults(tmp_path, personas) == [expected]
