"""`gateway help` explains verbs, reasons, codes and everything that has a name."""

import json

import pytest

from gateway.cli.main import VERBS
from gateway.decision.reason import Reason
from tests.cli.config_files import run
from tests.cli.explained import explain, write_world


def test_without_a_topic_it_lists_the_verbs() -> None:
    done = run("help")

    assert done.exit_code == 0
    assert done.stdout == run("--help").stdout


@pytest.mark.parametrize("verb", [*VERBS, "token get"])
def test_a_verb_has_the_help_that_it_shows_itself(verb: str) -> None:
    assert run("help", *verb.split()).stdout.startswith(run(*verb.split(), "--help").stdout)


def test_a_verb_with_a_page_names_it() -> None:
    assert run("help", "diff").stdout.endswith("\nThe page about it: gateway help diff.md\n")
    assert run("help", "diff.md").stdout.startswith("# Comparing configurations\n")


def test_a_reason_is_printed_with_its_causes_and_what_to_do() -> None:
    shown = run("help", "scope_missing").stdout

    assert shown.startswith("reasons#scope_missing-403\n\n## scope_missing (403)\n\n")
    assert "\n- Causes: " in shown
    assert "\n- Do: " in shown


def test_a_name_of_two_things_shows_both() -> None:
    shown = run("help", "keys_unavailable").stdout

    assert "checks#keys_unavailable\n" in shown
    assert "reasons#keys_unavailable-503\n" in shown


def test_an_option_and_a_key_show_their_rows() -> None:
    assert "commands#gateway-check" in run("help", "--strict").stdout
    assert "Clock skew" in run("help", "leeway").stdout


def test_headings_are_found_by_their_words() -> None:
    assert "## Exit codes" in run("help", "commands#exit-codes").stdout
    assert "Report-only mode" in run("help", "Report-only", "mode").stdout


@pytest.mark.parametrize(
    ("topic", "meant"),
    [
        ("scope_mising", "did you mean `scope_missing`"),
        ("chekc", "did you mean `check`"),
        ("leway", "did you mean `leeway`"),
        ("xyzzy", "`gateway help topics` lists the pages"),
    ],
)
def test_an_unknown_topic_names_the_nearest(topic: str, meant: str) -> None:
    done = run("help", topic)

    assert (done.exit_code, done.stdout) == (2, "")
    assert meant in done.stderr
    assert f"`{topic}`" not in done.stderr


def test_topics_are_the_pages() -> None:
    lines = run("help", "topics").stdout.splitlines()
    shown = json.loads(run("help", "topics", "--json").stdout)

    assert [line.split()[0] for line in lines] == [one["page"] for one in shown]
    assert all(run("help", f"{one['page']}.md").exit_code == 0 for one in shown[:5])


def test_json_has_the_text_of_the_page() -> None:
    shown = json.loads(run("help", "keys_unavailable", "--json").stdout)

    assert shown["topic"] == "keys_unavailable"
    assert [(one["kind"], one["page"]) for one in shown["found"]] == [
        ("section", "checks.md"),
        ("section", "reasons.md"),
    ]
    assert shown["found"][1]["anchor"] == "keys_unavailable-503"
    assert "](" in shown["found"][1]["text"]  # Markdown, as on the page
    (row,) = json.loads(run("help", "gateway_decisions_total", "--json").stdout)["found"]
    assert row["kind"] == "row"


def test_what_explain_says_to_do_is_a_command_that_works(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = write_world(tmp_path_factory.mktemp("world"))
    said = explain(path, "GET", "http://a/any").stdout
    (command,) = [line.partition(": ")[2] for line in said.splitlines() if "what to do" in line]

    assert command == "gateway help token_missing"
    assert run(*command.split()[1:]).exit_code == 0
    assert all(run("help", reason.code).exit_code == 0 for reason in list(Reason)[:3])
