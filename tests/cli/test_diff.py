"""The output and the exit codes of `gateway diff`."""

import json
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from gateway.cli.diff import FailOn, command
from tests.cli.config_files import run_in
from tests.suites.differences.configs import BASE, SAME, edited

ROOT = Path(__file__).parents[2]

OPENED = edited(("require: {scopes: [read, write]}", "public: true"))
CLOSED = edited(("region: {in: [eu, us]}", "region: {in: [eu]}"))
INSECURE = edited(("audiences: [orders, shop]", "audiences: [orders, shop], insecure: true"))
MOVED = edited(("10.0.0.9:8000", "10.0.0.10:8000"), ("upstream: orders", "upstream: site"))
LIMIT = BASE + "drain: 5s\n"
SUITE = """\
version: 1
environment: {HOST: 10.0.0.7}
personas:
  ann:
    issuer: main
    claims: {scope: read, tenant: acme, level: 2, region: us, aud: orders}
tests:
  - {name: reads, request: GET https://a.example/t/acme/orders/7, expect: {ann: allow}}
"""


def diff(directory: Path, new: str, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command in *directory*, on ``old.yaml`` and ``new.yaml``."""
    (directory / "old.yaml").write_text(BASE)
    (directory / "new.yaml").write_text(new)
    return run(directory, "old.yaml", "new.yaml", *options)


def run(directory: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_in(directory, "diff", *arguments, env={"HOST": None})


def test_what_means_the_same_is_one_line_and_0(tmp_path: Path) -> None:
    done = diff(tmp_path, SAME, "--fail-on", "any")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("no difference in meaning (")
    assert done.stdout.count("\n") == 1


def test_what_differs_is_told_and_0_where_nobody_says_that_it_must_not(tmp_path: Path) -> None:
    done = diff(tmp_path, OPENED)

    assert (done.returncode, done.stderr) == (0, "")
    assert "  changed route everything: access\n" in done.stdout
    assert "    + allow: by the route everything (new.yaml:24)\n" in done.stdout


@pytest.mark.parametrize(
    ("new", "fail_on", "code"),
    [
        (OPENED, "opened", 1),
        (OPENED, "closed", 0),
        (OPENED, "any", 1),
        (CLOSED, "opened", 0),
        (CLOSED, "closed", 1),
        (INSECURE, "opened", 1),
        (INSECURE, "closed", 0),
        (LIMIT, "opened", 0),
        (LIMIT, "closed", 0),
        (LIMIT, "any", 1),
        (INSECURE, "closed,opened", 1),
        (INSECURE, "loosened, opened", 1),
        (CLOSED, "opened,loosened,keys,moved", 0),
        (MOVED, "opened,loosened,keys", 0),
        (MOVED, "moved", 1),
    ],
    ids=lambda value: str(value)[-12:].strip() if isinstance(value, str) else str(value),
)
def test_it_ends_with_1_for_what_must_not_be(
    new: str, fail_on: str, code: int, tmp_path: Path
) -> None:
    assert diff(tmp_path, new, "--fail-on", fail_on).returncode == code


def test_kinds_can_be_named_one_by_one(tmp_path: Path) -> None:
    assert diff(tmp_path, CLOSED, "--fail-on", "opened", "--fail-on", "closed").returncode == 1


def test_personas_of_a_suite_are_asked_too(tmp_path: Path) -> None:
    (tmp_path / "a.test.yaml").write_text(SUITE)

    done = diff(tmp_path, CLOSED.replace("10.0.0.7", "${HOST}"), "--personas", "a.test.yaml")

    assert done.returncode == 0
    assert "  GET a.example/t/acme/orders/7\n    ann\n" in done.stdout


def test_machines_read_it_too(tmp_path: Path) -> None:
    found = diff(tmp_path, OPENED, "--format", "json")
    beside = diff(tmp_path, OPENED, "--format", "github")

    assert json.loads(found.stdout)["changes"][0]["facet"] == "access"
    assert found.stderr == ""
    assert beside.stdout.startswith("::error file=new.yaml,line=24,col=5,title=opened%3A ")
    assert beside.stderr.startswith("1 rule changed, ")


def test_everything_is_shown_if_asked_for(tmp_path: Path) -> None:
    new = edited(("issuers: [main]", "issuers: [partner]"))

    assert "changed: the same outcome" not in diff(tmp_path, new).stdout
    assert "changed: the same outcome" in diff(tmp_path, new, "-v").stdout


def test_less_is_tried_if_asked_for(tmp_path: Path) -> None:
    new = OPENED.replace("level: {at_least: 2}", "level: {at_least: 1}")
    done = diff(tmp_path, new, "--max-cells", "1")

    assert (
        "beyond --max-cells: 1 region of requests, searched only for kinds that are not shown yet\n"
        in done.stdout
    )


@pytest.mark.parametrize("broken", ["old.yaml", "new.yaml"])
def test_a_broken_file_is_told_as_check_tells_it_and_1(broken: str, tmp_path: Path) -> None:
    for name in ("old.yaml", "new.yaml"):
        (tmp_path / name).write_text(BASE)
    (tmp_path / broken).write_text(BASE.replace("public: true", "publik: true"))

    done = run(tmp_path, "old.yaml", "new.yaml")

    assert (done.returncode, done.stdout) == (1, "")
    assert f"{broken}:13:5: unknown_key: " in done.stderr


def test_both_are_told_of_where_both_are_broken_and_one_that_is_given_twice_once(
    tmp_path: Path,
) -> None:
    for name in ("old.yaml", "new.yaml"):
        (tmp_path / name).write_text(BASE.replace("public: true", "publik: true"))

    both, twice = run(tmp_path, "old.yaml", "new.yaml"), run(tmp_path, "old.yaml", "old.yaml")

    assert both.stderr.count("unknown_key: ") == 2
    assert twice.stderr.count("unknown_key: ") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("gone.yaml", "there.yaml"),
        ("there.yaml", "gone.yaml"),
        ("there.yaml", "there.yaml", "--personas", "gone.yaml"),
    ],
)
def test_a_file_that_cannot_be_read_is_3(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "there.yaml").write_text(BASE)

    done = run(tmp_path, *arguments)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "gateway: cannot read gone.yaml: no such file or directory\n"


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        (SUITE.replace("issuer: main", "issuer: mian"), "a.yaml:5:13: unknown_reference: "),
        (
            SUITE.replace("issuer: main", "issuer: main\n    revoked: [gone]"),
            "a.yaml:6:15: unknown_reference: no revocation list `gone` in either configuration",
        ),
        (SUITE.replace("personas", "persona"), "a.yaml:3:1: unknown_key: "),
    ],
)
def test_a_broken_suite_is_told_and_1(suite: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(suite)

    done = diff(tmp_path, SAME, "--personas", "a.yaml")

    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


@pytest.mark.parametrize(
    "options",
    [("--fail-on", "opened,more"), ("--max-cells", "0"), ("--format", "xml"), ("third.yaml",)],
)
def test_what_is_not_an_option_is_usage(options: tuple[str, ...], tmp_path: Path) -> None:
    assert diff(tmp_path, SAME, *options).returncode == 2


def test_warnings_are_for_check(tmp_path: Path) -> None:
    unchecked = BASE.replace("audiences: [orders, shop]", "audiences: unchecked")

    assert diff(tmp_path, unchecked).stderr == ""


def test_no_token_is_shown(tmp_path: Path) -> None:
    for form in ("text", "json", "github"):
        done = diff(tmp_path, OPENED, "--format", form, "-v")
        assert "eyJ" not in done.stdout + done.stderr


def test_an_estate_is_what_it_is_wherever_it_lies(tmp_path: Path) -> None:
    """Its files include others, and name a file of revocations beside them."""

    shutil.copytree(ROOT / "config" / "estate", tmp_path / "estate")
    personas = ROOT / "config" / "estate" / "suites" / "shop.test.yaml"

    done = run(
        ROOT,
        "config/estate/gateway.yaml",
        tmp_path / "estate" / "gateway.yaml",
        "--personas",
        personas,
        "--fail-on",
        "any",
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("no difference in meaning (")


def test_an_issuer_that_is_no_longer_insecure_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(INSECURE)
    (tmp_path / "new.yaml").write_text(BASE)

    assert run(tmp_path, "old.yaml", "new.yaml", "--fail-on", "opened").returncode == 0
    assert run(tmp_path, "old.yaml", "new.yaml", "--fail-on", "any").returncode == 1


def test_a_token_that_may_be_in_a_query_from_now_on_opens_a_route(tmp_path: Path) -> None:
    route = "  - {name: more, match: {path: /more}, upstream: orders, require: {}"
    (tmp_path / "old.yaml").write_text(f"{BASE}{route}}}\n")
    (tmp_path / "new.yaml").write_text(f"{BASE}{route}, token_from: [authorization, query]}}\n")

    opened = run(tmp_path, "old.yaml", "new.yaml", "--fail-on", "opened")
    closed = run(tmp_path, "new.yaml", "old.yaml", "--fail-on", "opened")

    assert (opened.returncode, closed.returncode) == (1, 0)
    assert "changed route more: token_from" in opened.stdout


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(click.BadParameter, match="did you mean `opened`"):
        FailOn().convert("closed,opend", None, None)


def test_a_list_of_kinds_is_completed_with_those_that_it_lacks() -> None:
    def complete(begun: str) -> list[str]:
        context = click.Context(command)
        found = FailOn().shell_complete(context, command.params[0], begun)
        return [item.value for item in found]

    assert complete("op") == ["opened"]
    assert complete("opened,lo") == ["opened,loosened"]
    assert complete("opened,o") == []
    assert "any" in complete("")
    assert "opened,any" not in complete("opened,")
