import json
import os
import pty
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.config_files import INVALID, VALID, run, write_config


def test_a_valid_file_exits_0(tmp_path: Path) -> None:
    path = write_config(tmp_path)

    done = run("check", path)

    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{path}: valid\n", "")


def test_every_fault_is_a_line_on_stderr_and_exits_1(tmp_path: Path) -> None:
    path = write_config(tmp_path, INVALID)

    done = run("check", path)

    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"{path}:9:1: unknown_key: unknown key `listn`: did you mean `listen`?",
        f"{path}:10:8: bad_value: not a duration: write it like 500ms, 30s, 5m or 1h",
        f"{path}: invalid, 2 errors",
    ]


def test_a_warning_does_not_make_a_file_invalid(tmp_path: Path) -> None:
    path = write_config(tmp_path, VALID + "admin: 0.0.0.0:9901\n")

    done = run("check", path)

    assert done.exit_code == 0
    assert done.stdout == f"{path}: valid, 1 warning\n"
    assert f"{path}:9:8: admin_exposed: warning: " in done.stderr


def test_what_only_reports_is_a_warning_at_its_mode(tmp_path: Path) -> None:
    route = VALID.replace("require: {}", "require: {}, mode: report")
    both = route.replace("audiences: [orders]", "audiences: [orders], mode: report")
    path = write_config(tmp_path, both)

    done = run("check", path)

    assert (done.exit_code, done.stdout) == (0, f"{path}: valid, 2 warnings\n")
    issuer, route = done.stderr.splitlines()
    assert issuer.endswith(
        ": report_only: warning: anyone can forge a token of this issuer, and so pass every route"
        " that accepts it"
    )
    assert route.endswith(
        ": report_only: warning: `all` only reports what it would refuse for its token"
    )


DOUBTFUL = VALID + "admin: 0.0.0.0:9901\n"
ALLOWED = DOUBTFUL.replace(
    "9901\n", "9901 # gateway: allow admin_exposed because the pod has no one\n"
)


def test_a_lint_is_a_warning_like_any_other(tmp_path: Path) -> None:
    path = write_config(tmp_path, VALID.replace("discovery: true", "discovery: true, leeway: 2m"))

    done = run("check", path)

    assert (done.exit_code, done.stdout) == (0, f"{path}: valid, 1 warning\n")
    assert done.stderr.startswith(f"{path}:3:73: long_leeway: warning: ")


def test_in_a_strict_check_a_warning_fails(tmp_path: Path) -> None:
    path = write_config(tmp_path, DOUBTFUL)

    done = run("check", path, "--strict")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines()[1:] == [f"{path}: valid, 1 warning"]


def test_what_is_silenced_does_not_fail_and_is_counted(tmp_path: Path) -> None:
    path = write_config(tmp_path, ALLOWED)

    done = run("check", path, "--strict")

    assert (done.exit_code, done.stdout) == (0, f"{path}: valid, 1 silenced\n")
    assert done.stderr == ""


def test_json_lists_what_is_silenced_with_the_reason(tmp_path: Path) -> None:
    path = write_config(tmp_path, ALLOWED)

    answer = json.loads(run("check", path, "--format", "json").stdout)

    [silenced] = answer["silenced"]
    assert (answer["valid"], answer["faults"]) == (True, [])
    assert silenced == {
        "file": str(path),
        "line": 9,
        "column": 8,
        "severity": "warning",
        "code": "admin_exposed",
        "message": "the admin port is open to other machines without a token: set token_env",
        "reason": "the pod has no one",
    }


@pytest.mark.parametrize("verb", ["routes", "run"])
def test_other_verbs_do_not_show_what_is_silenced(verb: str, tmp_path: Path) -> None:
    """`run` ends where its port is taken, behind the warnings."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"listen: 127.0.0.1:{taken.getsockname()[1]}\n"
        texts = {"ALLOWED": ALLOWED + listen, "DOUBTFUL": DOUBTFUL + listen}
        shown = {
            name: "admin_exposed" in run(verb, write_config(tmp_path, text)).stderr
            for name, text in texts.items()
        }

    assert shown == {"ALLOWED": False, "DOUBTFUL": True}


def test_github_gets_an_annotation_for_each_fault_on_stdout(tmp_path: Path) -> None:
    path = write_config(tmp_path, INVALID + "admin: 0.0.0.0:9901\n")

    done = run("check", path, "--format", "github")

    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"::error file={path},line=9,col=1,title=unknown_key::"
        "unknown key `listn`: did you mean `listen`?",
        f"::error file={path},line=10,col=8,title=bad_value::"
        "not a duration: write it like 500ms, 30s, 5m or 1h",
        f"::warning file={path},line=11,col=8,title=admin_exposed::"
        "the admin port is open to other machines without a token: set token_env",
    ]
    assert done.stderr == f"{path}: invalid, 2 errors, 1 warning\n"


def test_json_has_a_fault_if_the_file_is_unreadable(tmp_path: Path) -> None:
    done = run("check", tmp_path / "missing.yaml", "--json")

    assert (done.exit_code, done.stderr) == (3, "")
    assert json.loads(done.stdout) == {
        "valid": False,
        "faults": [
            {
                "file": f"{tmp_path}/missing.yaml",
                "line": 1,
                "column": 1,
                "severity": "error",
                "code": "missing_file",
                "message": f"cannot read {tmp_path}/missing.yaml: no such file or directory",
            }
        ],
        "silenced": [],
        "includes": [],
    }


def test_json_has_the_faults_on_stdout(tmp_path: Path) -> None:
    path = write_config(tmp_path, INVALID)

    done = run("check", path, "--format", "json")

    answer = json.loads(done.stdout)
    assert (done.exit_code, done.stderr) == (1, "")
    assert answer["valid"] is False
    assert answer["faults"][0] == {
        "file": str(path),
        "line": 9,
        "column": 1,
        "severity": "error",
        "code": "unknown_key",
        "message": "unknown key `listn`: did you mean `listen`?",
    }


TEAM = """\
issuers:
  team: {issuer: "https://team.example", discovery: true, audiences: [team]}
routes:
  - {name: team, match: {path: /team/a}, upstream: orders, require: {issuers: [team]}}
"""


def write_team(directory: Path) -> Path:
    """Return a file that includes two others, one with grants, one without."""
    (directory / "granted.yaml").write_text(TEAM)
    (directory / "plain.yaml").write_text(TEAM[TEAM.index("routes") :].replace("team", "b", 2))
    entries = (
        "  - plain.yaml\n  - {files: granted*.yaml, may: [issuers, environment], under: [/team/]}\n"
    )
    text = VALID.replace("require: {}", "require: {issuers: [main]}")
    return write_config(directory, f"{text}include:\n{entries}")


def test_what_included_files_may_declare_is_shown(tmp_path: Path) -> None:
    path = write_team(tmp_path)

    done = run("check", path)

    assert done.exit_code == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{path}:11:5: granted*.yaml may declare routes, issuers, environment, under /team/"
        " (1 file)",
        f"{path}: valid",
    ]


def test_json_has_each_entry_of_include_with_its_files_and_grants(tmp_path: Path) -> None:
    path = write_team(tmp_path)

    done = run("check", path, "--format", "json")

    assert json.loads(done.stdout)["includes"] == [
        {
            "files": "plain.yaml",
            "may": [],
            "hosts": None,
            "under": None,
            "found": [str(tmp_path / "plain.yaml")],
            "file": str(path),
            "line": 10,
            "column": 5,
        },
        {
            "files": "granted*.yaml",
            "may": ["issuers", "environment"],
            "hosts": None,
            "under": ["/team/"],
            "found": [str(tmp_path / "granted.yaml")],
            "file": str(path),
            "line": 11,
            "column": 5,
        },
    ]


def test_json_of_a_valid_file_has_no_faults(tmp_path: Path) -> None:
    done = run("check", write_config(tmp_path), "--format", "json")

    assert json.loads(done.stdout) == {
        "valid": True,
        "faults": [],
        "silenced": [],
        "includes": [],
    }


@pytest.mark.parametrize(
    "content", [b"\x00\xff\xfe", b"\x89PNG\r\n", b"%PDF-1.7\n%\xe2", b"{{{{", b""]
)
def test_a_file_that_is_not_a_configuration_exits_1_without_a_traceback(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_bytes(content)

    done = run("check", path)

    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 2
    assert "Traceback" not in done.output


def test_a_file_that_cannot_be_read_exits_3(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        done = run("check", path)

        assert done.exit_code == 3
        assert done.stderr.startswith(f"gateway: cannot read {path}: ")
        assert done.stdout == ""


def test_a_name_that_is_not_utf8_is_shown_all_the_same(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml"))
    path.write_text(INVALID)

    for form in ("text", "json"):
        assert run("check", path, "--format", form).exit_code == 1


def test_an_unknown_option_exits_2() -> None:
    assert run("check", "--nope").exit_code == 2


def test_the_file_argument_wins_over_the_option_over_the_environment(tmp_path: Path) -> None:
    paths = []
    for name in ("argument", "option", "environment"):
        (tmp_path / name).mkdir()
        paths.append(write_config(tmp_path / name))
    argument, option, environment = paths
    env = {"GATEWAY_CONFIG": str(environment)}

    assert run("check", argument, "--config", option, env=env).stdout == f"{argument}: valid\n"
    assert run("check", "--config", option, env=env).stdout == f"{option}: valid\n"
    assert run("check", env=env).stdout == f"{environment}: valid\n"


def test_the_default_file_is_the_example_of_the_repository() -> None:
    directory = Path(os.curdir).resolve()
    os.chdir(Path(__file__).parents[3])
    try:
        done = run("check")
    finally:
        os.chdir(directory)

    assert (done.exit_code, done.stdout) == (0, "config/gateway.yaml: valid\n")


def test_the_configuration_of_the_demo_is_clean() -> None:
    """Plain http to an issuer on this machine is no worry."""
    path = Path(__file__).parents[3] / "config" / "demo.yaml"
    names = ("DEMO_GATEWAY_PORT", "DEMO_ADMIN_PORT", "DEMO_ISSUER_PORT")
    services = ("DEMO_ORDERS_PORT", "DEMO_INVOICES_PORT", "DEMO_APP_PORT", "DEMO_WEB_SECRET")
    env = {name: str(9000 + number) for number, name in enumerate((*names, *services))}

    done = run("check", path, env=env)

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.endswith("demo.yaml: valid, 1 silenced\n")


def test_output_that_is_no_terminal_has_no_colour(tmp_path: Path) -> None:
    assert "\x1b" not in run("check", write_config(tmp_path, INVALID)).output


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False), ("", True)])
def test_colour_is_for_terminals_and_obeys_no_color(
    no_color: str | None, coloured: bool, tmp_path: Path
) -> None:
    terminal, end = pty.openpty()
    environ = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    if no_color is not None:
        environ["NO_COLOR"] = no_color

    subprocess.run(
        [sys.executable, "-m", "gateway", "check", write_config(tmp_path, INVALID)],
        stderr=end,
        env=environ,
        check=False,
        timeout=60,
    )
    shown = os.read(terminal, 65536)
    os.close(end)
    os.close(terminal)

    assert b"unknown_key" in shown
    assert (b"\x1b[" in shown) is coloured


@pytest.mark.parametrize(
    ("arguments", "is_told"),
    [((), True), (("--format", "json"), False), (("--format", "github"), False)],
)
def test_a_check_that_takes_long_is_told_of_at_a_terminal_until_it_is_done(
    arguments: tuple[str, ...], is_told: bool, tmp_path: Path
) -> None:
    """The file is a pipe, so that a check waits for it until it has been told of."""
    path = tmp_path / "gateway.yaml"
    os.mkfifo(path)
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "gateway", "check", str(path), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end) as checking:
        os.close(end)
        told = b""
        while is_told and b" s)" not in told:
            told += os.read(terminal, 65536)
        path.write_text(VALID)
        assert checking.wait(60) == 0
    with suppress(OSError):  # EIO: nobody has the other end any more
        while more := os.read(terminal, 65536):
            told += more
    os.close(terminal)

    if is_told:
        assert told.startswith(b"\rreading ")
        assert told.endswith(b" \r")
    else:
        assert told == b""


def test_a_check_that_takes_long_is_not_told_of_in_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    os.mkfifo(path)
    command = [sys.executable, "-m", "gateway", "check", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as checking:
        path.write_text(VALID)  # once it is opened there
        _, told = checking.communicate(timeout=60)

    assert (checking.returncode, told) == (0, b"")
