"""What `gateway token inspect` shows, and what it never shows."""

import json
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.token.inspect import Inspection, inspect, inspect_token

NOW_SECONDS = 1_800_000_000.0
SIGNATURE = urlsafe_b64encode(b"s" * 64).rstrip(b"=").decode()


def segment(text: str | bytes) -> str:
    octets = text.encode() if isinstance(text, str) else text
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def token(claims: object, header: object = None) -> str:
    head = {"alg": "ES256", "typ": "at+jwt", "kid": "k1"} if header is None else header
    return f"{segment(json.dumps(head))}.{segment(json.dumps(claims))}.{SIGNATURE}"


def notes(claims: object) -> tuple[str, ...]:
    inspection = inspect_token(token(claims).encode(), NOW_SECONDS)
    assert isinstance(inspection, Inspection)
    return inspection.notes


def test_header_and_claims_are_shown_from_stdin() -> None:
    text = token({"sub": "alice", "exp": 4_000_000_000})

    result = CliRunner().invoke(inspect, input=text)

    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["alg", '"ES256"'] in lines
    assert ["sub", '"alice"'] in lines
    assert ["exp", "4000000000", "(2096-10-02", "07:06:40", "UTC)"] in lines
    assert "the signature was not checked" in result.stdout


def test_json_has_header_claims_and_notes() -> None:
    result = CliRunner().invoke(inspect, ["-", "--format", "json"], input=token({"sub": "bob"}))

    shown = json.loads(result.stdout)
    assert shown["header"]["alg"] == "ES256"
    assert shown["claims"] == {"sub": "bob"}
    assert "the signature was not checked" in shown["notes"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_neither_the_token_nor_a_segment_of_it_is_shown(form: str) -> None:
    """6750.10."""
    text = token({"sub": "alice"})

    result = CliRunner().invoke(inspect, ["--format", form], input=text)

    assert result.exit_code == 0
    assert not [part for part in text.split(".") if part in result.output]


def test_a_token_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token({"sub": "alice"}) + "\n")

    result = CliRunner().invoke(inspect, [f"@{file}"])

    assert result.exit_code == 0
    assert '"alice"' in result.stdout


def test_a_token_is_read_from_a_variable() -> None:
    result = CliRunner(env={"THE_TOKEN": token({"sub": "alice"})}).invoke(
        inspect, ["env:THE_TOKEN"]
    )

    assert result.exit_code == 0
    assert '"alice"' in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [token({"sub": "alice"})],
        ["Bearer", token({"sub": "alice"})],
        ["-", token({"sub": "alice"})],
        ["token.txt"],
    ],
)
def test_a_token_on_the_command_line_is_refused_and_not_repeated(arguments: list[str]) -> None:
    result = CliRunner().invoke(inspect, arguments)

    assert result.exit_code == 2
    assert "history" in result.stderr
    assert arguments[-1] not in result.output


@pytest.mark.parametrize("source", ["@/no/such/eyJ", "@", "@/", "@a\0b", "env:NO_SUCH_eyJ", "env:"])
def test_a_place_without_a_token_is_an_error_of_the_environment(source: str) -> None:
    result = CliRunner().invoke(inspect, [source])

    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 1
    assert "eyJ" not in result.output


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a.b",
        "a.b.c.d.e",
        token({}) + " " + token({}),
        token([]),
        token({}, header=[]),
        token({}, header={"typ": "JWT"}),
        f"{segment('{}')}.{segment('{')}.{SIGNATURE}",
        token({}) + "=",
        segment('{"alg":"none"}') + "." + segment('{"a":1,"a":2}') + ".",
        "e" * 300_000,
    ],
)
def test_what_is_no_token_is_a_negative_result(text: str) -> None:
    result = CliRunner().invoke(inspect, input=text)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("gateway: not a token: ")


def test_a_bearer_prefix_is_forgiven() -> None:
    """It is what people copy from a request."""
    assert isinstance(inspect_token(b"Bearer " + token({}).encode(), NOW_SECONDS), Inspection)


@pytest.mark.parametrize(
    ("claims", "note"),
    [
        ({"exp": NOW_SECONDS}, "expired 0 s ago"),
        ({"exp": NOW_SECONDS - 3_725}, "expired 1 h 2 min ago"),
        ({"exp": NOW_SECONDS - 90_000.5}, "expired 1 d 1 h ago"),
        ({"exp": NOW_SECONDS + 59}, "expires in 59 s"),
        ({"exp": NOW_SECONDS + 3_600}, "expires in 1 h 0 min"),
        ({"nbf": NOW_SECONDS + 61}, "not yet valid: starts in 1 min 1 s"),
        ({}, "exp is missing or not a time: the gateway refuses such a token"),
        ({"exp": "soon"}, "exp is missing or not a time: the gateway refuses such a token"),
        ({"exp": True}, "exp is missing or not a time: the gateway refuses such a token"),
        ({"exp": 10**400}, "exp is missing or not a time: the gateway refuses such a token"),
    ],
)
def test_the_notes_say_what_the_times_mean(claims: dict[str, object], note: str) -> None:
    """7519.1, 7519.2."""
    assert note in notes(claims)


def test_a_start_in_the_past_is_not_worth_a_note() -> None:
    assert not [note for note in notes({"nbf": NOW_SECONDS - 1}) if "not yet" in note]


@pytest.mark.parametrize("form", ["text", "json"])
def test_control_characters_of_a_claim_do_not_reach_the_terminal(form: str) -> None:
    """CVE-2020-7694."""
    text = token({"sub": "\x1b[2J\r\n\x9b", "\x1b": 1, "\u202e": 2})

    result = CliRunner().invoke(inspect, ["--format", form], input=text)

    assert result.exit_code == 0
    assert set(result.stdout) <= set(map(chr, range(32, 127))) | {"\n"}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_token_or_not(text: bytes) -> None:
    assert isinstance(inspect_token(text, NOW_SECONDS), Inspection | str)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["exp", "nbf", "iat", "sub", "auth_time"]), _JSON))
def test_claims_of_any_type_are_shown(claims: dict[str, object]) -> None:
    result = CliRunner().invoke(inspect, input=token(claims))

    assert result.exit_code in (0, 1)
    assert result.exception is None or isinstance(result.exception, SystemExit)
