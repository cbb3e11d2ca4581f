"""Tokens are read only from sources that nobody else sees."""

from pathlib import Path

import click
import pytest

from gateway.cli.token_source import (
    SourceUnreadableError,
    is_source,
    only_token,
    read_source,
    read_token,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-", True),
        ("@token", True),
        ("env:TOKEN", True),
        ("eyJ", False),
        ("", False),
        ("--", False),
    ],
)
def test_a_source_is_a_place_and_no_token(text: str, expected: bool) -> None:
    assert is_source(text) is expected


def test_a_file_and_a_variable_are_read_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_bytes(b"\xff token\n")
    monkeypatch.setenv("THE_TOKEN", "\udcff token")

    assert read_source(f"@{tmp_path / 'token'}") == b"\xff token\n"
    assert read_source("env:THE_TOKEN") == b"\xff token"


def test_no_more_is_read_than_shows_that_it_is_no_token(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 300_000)

    text = read_source(f"@{tmp_path / 'large'}")

    assert len(text) == 256 * 1024 + 1
    assert only_token(text) == "longer than any token"


@pytest.mark.parametrize("source", ["@/no/such/eyJ", "@", "@a\0b", "env:NO_SUCH_eyJ", "env:"])
def test_what_cannot_be_read_is_not_named(source: str) -> None:
    with pytest.raises(SourceUnreadableError) as failure:
        read_source(source)

    assert "eyJ" not in str(failure.value)


@pytest.mark.parametrize(
    ("text", "token"),
    [
        (b"a.b.c\n", b"a.b.c"),
        (b" Bearer a.b.c", b"a.b.c"),
        (b"bearer x", b"x"),
        (b"Bearer", b"Bearer"),
    ],
)
def test_one_word_is_the_token(text: bytes, token: bytes) -> None:
    assert only_token(text) == token


@pytest.mark.parametrize("text", [b"", b" \n", b"a b", b"Basic x", b"Bearer a b"])
def test_more_words_or_none_are_not(text: bytes) -> None:
    assert only_token(text) == "expected exactly one token"


def test_a_token_is_read_whatever_it_is_worth(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("T", "Bearer x")

    assert read_token("env:T") == b"x"
    with pytest.raises(click.UsageError, match="history"):
        read_token("eyJ")
    with pytest.raises(SystemExit) as end:
        read_token("env:NO_SUCH_VARIABLE")
    assert (end.value.code, capsys.readouterr().err) == (
        3,
        "gateway: the environment variable is not set\n",
    )
