"""The group of token commands."""

from click.testing import CliRunner

from gateway.cli.token.command import command


def test_help_names_all_verbs() -> None:
    result = CliRunner().invoke(command, ["--help"])

    assert result.exit_code == 0
    assert [verb for verb in ("get", "mint", "inspect") if verb not in result.output] == []


def test_a_word_that_is_no_verb_is_not_repeated() -> None:
    """6750.10: somebody will paste a token there."""
    result = CliRunner().invoke(command, ["eyJhbGciOiJFUzI1NiJ9.e30.c2ln"])

    assert result.exit_code == 2
    assert "eyJ" not in result.output


def test_a_typo_names_the_verb_that_was_meant() -> None:
    assert "did you mean `inspect`" in CliRunner().invoke(command, ["inspct"]).output
