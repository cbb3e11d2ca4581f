"""The output and the exit codes of `gateway test`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.config_files import run
from tests.suites.worlds import ENVIRON, ESTATE, FAILING, SUITE, write

COMMAND = Path(sys.executable).with_name("gateway")
TOKEN = re.compile(r"eyJ|Bearer")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


def test_a_suite_that_passes_is_one_line_and_0(tmp_path: Path) -> None:
    done = run("test", write(tmp_path))

    assert (done.exit_code, done.stdout, done.stderr) == (0, "6 passed, in 1 suite\n", "")


def test_a_failure_is_a_block_and_1(tmp_path: Path) -> None:
    path = write(tmp_path, FAILING)

    done = run("test", path)

    assert done.exit_code == 1
    assert done.stderr == ""
    assert done.stdout.splitlines()[:4] == [
        f"FAIL {path}:10:41: orders of the own tenant: nobody",
        "  GET api.example.com/tenants/acme/orders/7",
        "  expected allow, got token_missing",
        f"  {tmp_path}/gateway.yaml:17:5: credential: expected one bearer token, found no bearer "
        "token was sent",
    ]
    assert done.stdout.splitlines()[-1] == "4 passed, 2 failed, in 1 suite"


@pytest.mark.parametrize("form", ["text", "github"])
def test_no_name_in_a_suite_makes_a_line_or_steers_a_terminal(form: str, tmp_path: Path) -> None:
    """CWE-150: a suite comes with the change that it tests, from whoever made that."""
    named = FAILING.replace("orders of the own tenant", r'"\u2028::notice::\x9b31m\u202e"')

    done = run("test", write(tmp_path, named), "-v", "--format", form)

    assert r"\x9b31m\u202e" in done.stdout
    assert all(line.isprintable() for line in done.stdout.split("\n"))


def test_a_name_of_a_file_that_is_not_there_makes_no_line(tmp_path: Path) -> None:
    """CWE-150."""
    for verb in (
        ["check"],
        ["test"],
        ["diff", tmp_path / "a\n::x"],
        ["explain", "GET", "http://a"],
    ):
        option = ["--config"] if verb[0] == "explain" else []
        done = run(*verb, *option, tmp_path / "a\n::x")

        assert (done.exit_code, done.stderr.count("\n")) == (3, 1)


def test_what_passed_is_shown_if_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path)

    lines = run("test", path, "-v").stdout.splitlines()

    assert lines[0] == f"ok   {path}:10:14: orders of the own tenant: alice: allow"
    assert len(lines) == 7


def test_only_what_is_selected_is_asked(tmp_path: Path) -> None:
    done = run("test", write(tmp_path, FAILING), "-k", "'own tenant' and not nobody")

    assert (done.exit_code, done.stdout) == (0, "2 passed, in 1 suite\n")


def test_suites_are_found_in_folders(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "b.test.yaml").write_text(SUITE.replace("gateway.yaml", "../gateway.yaml"))

    assert run("test", tmp_path).stdout == "12 passed, in 2 suites\n"


# --- what cannot be run


def test_where_nothing_was_tested_nothing_passed(tmp_path: Path) -> None:
    empty = run("test", tmp_path)
    unselected = run("test", write(tmp_path), "-k", "nonesuch")

    for done in (empty, unselected):
        assert done.exit_code == 1
        assert done.stderr == "gateway: no test was run\n"


def test_a_broken_suite_is_told_and_the_others_run(tmp_path: Path) -> None:
    write(tmp_path)
    broken = tmp_path / "b.test.yaml"
    broken.write_text("version: 1\ntest: []\n")

    done = run("test", tmp_path)

    assert done.exit_code == 1
    assert done.stdout == "6 passed, 1 broken, in 2 suites\n"
    assert done.stderr == (
        f"{broken}:2:1: unknown_key: unknown key `test`: did you mean `tests`?\n"
    )


def test_a_broken_configuration_is_told_once(tmp_path: Path) -> None:
    write(tmp_path, gateway="version: 1\nlistn: a\n")
    (tmp_path / "b.test.yaml").write_text(SUITE)

    done = run("test", tmp_path)

    assert (done.exit_code, done.stdout) == (1, "0 passed, 2 broken, in 2 suites\n")
    assert done.stderr.count("unknown key `listn`") == 1


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        ("nobody: token_missing", "", "missing_expectation: nothing is expected for nobody"),
        ("alice: allow", "alcie: allow", "unknown_reference: no persona `alcie`: did you mean"),
        ("extends: alice", "extends: boss", "extends_cycle: a circle: boss extends boss"),
        ("issuer: main", "issuer: mine", "unknown_reference: no issuer `mine`"),
    ],
)
def test_a_mistake_in_a_suite_is_told_with_its_place(
    good: str, bad: str, fault: str, tmp_path: Path
) -> None:
    path = write(tmp_path, SUITE.replace(good, bad))

    done = run("test", path)

    assert done.exit_code == 1
    assert re.search(
        rf"^{re.escape(str(path))}:\d+:\d+: {re.escape(fault)}", done.stderr, re.MULTILINE
    )
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "content", [b"\x00\xff\xfe", b"\x89PNG\r\n", b"%PDF-1.7\n%\xe2", b"{{{{", b"", b"[" * 99]
)
def test_a_file_that_is_no_suite_exits_1_without_a_traceback(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "a.test.yaml"
    path.write_bytes(content)

    done = run("test", path)

    assert done.exit_code == 1
    assert done.stderr.startswith(f"{path}:")
    assert "Traceback" not in done.output


def test_a_file_that_cannot_be_read_exits_3(tmp_path: Path) -> None:
    missing = tmp_path / "missing.test.yaml"
    for arguments in ([missing], [write(tmp_path), "--config", missing]):
        done = run("test", *arguments)

        assert (done.exit_code, done.stdout) == (3, "")
        assert done.stderr.startswith(f"gateway: cannot read {missing}: ")


def test_a_name_that_is_not_utf8_or_leads_nowhere_is_shown_all_the_same(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.test.yaml"))
    path.write_text(write(tmp_path, FAILING).read_text())
    loop = tmp_path / "loop.test.yaml"

    for form in ("text", "json", "junit", "github"):
        assert run("test", path, "--format", form).exit_code == 1
    loop.symlink_to(loop)
    assert run("test", tmp_path).exit_code == 3
    assert run("test", "a" * 5000).exit_code == 3


@pytest.mark.parametrize(
    "arguments",
    [[".", "--nope"], [".", "-k", "a and"], [".", "--min-coverage", "101"]],
)
def test_a_wrong_command_line_exits_2(arguments: list[str]) -> None:
    assert run("test", *arguments).exit_code == 2


def test_another_configuration_can_be_tested(tmp_path: Path) -> None:
    path = write(tmp_path)
    other = tmp_path / "other.yaml"
    text = (tmp_path / "gateway.yaml").read_text()
    other.write_text(text.replace("scopes: [orders:read]", "scopes: [orders:admin]"))

    done = run("test", path, "--config", other)

    assert done.exit_code == 1
    assert f"{other}:19:7: scopes: expected orders:admin, found orders:read" in done.stdout


# --- suites that the configuration names


def test_without_a_path_the_suites_that_the_configuration_names_are_asked_about_it(
    tmp_path: Path,
) -> None:
    write(tmp_path, gateway="suites: [a.test.yaml]\n" + ESTATE)
    config = tmp_path / "gateway.yaml"

    named = run("test", "--config", config)
    found = run("test", env={"GATEWAY_CONFIG": str(config)})

    for done in (named, found):
        assert (done.exit_code, done.stdout, done.stderr) == (0, "6 passed, in 1 suite\n", "")


def test_they_are_asked_about_it_whatever_they_say_themselves(tmp_path: Path) -> None:
    write(tmp_path, gateway="suites: [a.test.yaml]\n" + ESTATE)
    other = tmp_path / "other.yaml"
    text = (tmp_path / "gateway.yaml").read_text()
    other.write_text(text.replace("scopes: [orders:read]", "scopes: [orders:admin]"))

    done = run("test", "--config", other)

    assert done.exit_code == 1
    assert f"{other}:20:7: scopes: expected orders:admin, found orders:read" in done.stdout


@pytest.mark.parametrize(
    ("gateway", "code", "said"),
    [
        (ESTATE, 2, "gateway.yaml names no `suites`"),
        ("suites: [gone.yaml]\n" + ESTATE, 1, ":1:10: missing_file: cannot read gone.yaml"),
        (None, 3, "gateway: cannot read "),
    ],
)
def test_a_configuration_that_names_none_or_none_that_is_there_tests_nothing(
    gateway: str | None, code: int, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "gateway.yaml"
    if gateway is not None:
        path.write_text(gateway)

    done = run("test", "--config", path)

    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr


# --- coverage


def test_the_coverage_is_shown_and_counts_only_if_it_must(tmp_path: Path) -> None:
    path = write(tmp_path)

    shown = run("test", path, "--coverage")
    low = run("test", path, "--min-coverage", "41")
    enough = run("test", path, "--min-coverage", "40")

    assert shown.exit_code == 0
    assert f"coverage of {tmp_path}/gateway.yaml: 40 % (6 of 15)\n" in shown.stdout
    assert f"  {tmp_path}/gateway.yaml:13: never allowed: route health\n" in shown.stdout
    assert low.exit_code == 1
    assert low.stderr == "gateway: coverage is 40 %, below 41 %\n"
    assert (enough.exit_code, enough.stderr) == (0, "")
    assert enough.stdout == shown.stdout


# --- formats


def test_junit_is_a_document_on_stdout_and_the_rest_on_stderr(tmp_path: Path) -> None:
    done = run("test", write(tmp_path, FAILING), "--format", "junit", "--coverage")

    root = ET.fromstring(done.stdout)
    assert done.exit_code == 1
    assert root[0].get("failures") == "2"
    assert done.stderr.splitlines()[0].startswith("coverage of ")
    assert done.stderr.splitlines()[-1] == "4 passed, 2 failed, in 1 suite"


def test_github_has_annotations_on_stdout_and_the_rest_on_stderr(tmp_path: Path) -> None:
    path = write(tmp_path, FAILING)
    (tmp_path / "b.test.yaml").write_text("")

    done = run("test", tmp_path, "--format", "github")

    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    assert lines[0].startswith(f"::error file={tmp_path}/b.test.yaml,line=1,col=1,")
    assert lines[1].startswith(f"::error file={path},line=10,col=41,")
    assert done.stderr == "4 passed, 2 failed, 1 broken, in 2 suites\n"


def test_json_is_one_object_on_stdout_and_nothing_on_stderr(tmp_path: Path) -> None:
    path = write(tmp_path, FAILING)
    (tmp_path / "b.test.yaml").write_text("")

    done = run("test", tmp_path, "--format", "json")

    told = json.loads(done.stdout)
    assert (done.exit_code, done.stderr) == (1, "")
    assert (told["passed"], told["failed"]) == (4, 2)
    assert told["broken"] == [f"{tmp_path}/b.test.yaml"]
    assert told["failures"][0]["file"] == str(path)
    assert "gaps" not in told


def test_json_is_one_object_if_a_file_is_unreadable(tmp_path: Path) -> None:
    suite, missing = write(tmp_path), tmp_path / "missing.yaml"

    for arguments in ([missing], [suite, "--config", missing], ["--config", missing]):
        done = run("test", *arguments, "--json")

        told = json.loads(done.stdout)
        assert (done.exit_code, done.stderr) == (3, "")
        assert (told["passed"], told["failed"], told["broken"]) == (0, 0, [str(missing)])
        assert told["faults"][0]["code"] == "missing_file"


def test_json_has_the_faults_of_a_configuration_that_should_name_the_suites(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text("version: 2")

    done = run("test", "--config", config, "--json")

    told = json.loads(done.stdout)
    assert (done.exit_code, done.stderr) == (1, "")
    assert told["broken"] == [str(config)]
    assert "not_supported" in {fault["code"] for fault in told["faults"]}


def test_json_has_what_else_keeps_it_from_success(tmp_path: Path) -> None:
    suite = write(tmp_path)

    low = run("test", suite, "--min-coverage", "100", "--json")
    none = run("test", suite, "-k", "unheard_of", "--json")

    told, nothing = json.loads(low.stdout), json.loads(none.stdout)
    assert (low.exit_code, low.stderr) == (1, "")
    assert (told["failed"], told["coverage"]) == (0, 40)
    assert (none.exit_code, none.stderr) == (1, "")
    assert (nothing["passed"], nothing["failed"]) == (0, 0)


# --- as a user calls it


@pytest.mark.parametrize("form", ["text", "json", "junit", "github"])
def test_the_installed_command_tells_no_token(form: str, tmp_path: Path) -> None:
    gateway = (
        "identity: {forward_token: true}\n" + write(tmp_path).with_name("gateway.yaml").read_text()
    )
    suite = FAILING.replace("{X-A: b}", "{Authorization: x}").replace(
        "boss: allow", "boss: {allow: {absent: [Authorization]}}"
    )
    write(tmp_path, suite, gateway)

    done = subprocess.run(
        [COMMAND, "test", ".", "-v", "--format", form],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "a.test.yaml" in done.stdout
    assert "a credential (hidden)" in done.stdout
    assert TOKEN.search(done.stdout + done.stderr) is None


def test_no_part_of_the_proxy_is_imported(tmp_path: Path) -> None:
    """It would take longer than all the tests of most suites."""
    write(tmp_path)
    program = (
        "import sys\n"
        "from gateway.cli.main import command\n"
        "command(['test', sys.argv[1]], standalone_mode=False)\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('gateway.')))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    summary, roots, modules = done.stdout.splitlines()
    assert summary == "6 passed, in 1 suite"
    assert not {"aiohttp", "asyncio", "prometheus_client", "uvloop", "pytest"} & set(roots.split())
    assert not [name for name in modules.split() if name.startswith("gateway.proxy")]
