"""`gateway run` reloads: on request, on changes of files, after suites, or not at all."""

import json
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.certificates import AUTHORITY, chain_of, write_pair
from tests.cli.config_files import INVALID
from tests.cli.run.test_command import (
    CLOSED,
    GATEWAY,
    Running,
    config_of,
    config_status,
    read_line,
    running,
    status_of,
)
from tests.hanging import LIMIT_SECONDS

LET_THROUGH, REFUSED = b"HTTP/1.1 502 Bad Gateway", b"HTTP/1.1 401 Unauthorized"


def get(gateway: Running, path: str) -> str:
    with closing(HTTPConnection(*gateway.admin, timeout=LIMIT_SECONDS)) as admin:
        admin.request("GET", path)
        return admin.getresponse().read().decode()


def post_reload(gateway: Running) -> tuple[int, dict[str, Any]]:
    """Return the status and the report of ``POST /reload``."""
    with closing(HTTPConnection(*gateway.admin, timeout=LIMIT_SECONDS)) as admin:
        admin.request("POST", "/reload", b"{}", {"Content-Type": "application/json"})
        answer = admin.getresponse()
        return answer.status, json.loads(answer.read())


def reload_verb(gateway: Running) -> subprocess.CompletedProcess[str]:
    url = "http://{}:{}".format(*gateway.admin)
    return subprocess.run(
        [GATEWAY, "reload", "--url", url],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )


def config_metrics(gateway: Running) -> Mapping[str, float]:
    """Return the samples of ``gateway_config_…``; those of reloads by their outcome."""
    families = text_string_to_metric_families(get(gateway, "/metrics"))
    return {
        sample.labels.get("outcome", sample.name.removeprefix("gateway_config_")): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("gateway_config_")
    }


# --- asked for


def test_who_asks_for_a_reload_is_told_that_it_is_live(tmp_path: Path) -> None:
    with running(config_of(tmp_path)) as gateway, gateway.connect() as client:
        assert status_of(client) == LET_THROUGH
        config_of(tmp_path, routes=CLOSED)
        asked = reload_verb(gateway)

        assert status_of(client) == REFUSED
        live = config_status(gateway)["live_hash"]
        assert (asked.returncode, asked.stderr) == (0, "")
        assert asked.stdout == f"reloaded, config {live[:12]}\n"
        assert post_reload(gateway)[1]["config_hash"] == live
        assert config_metrics(gateway)["applied"] == 2


def test_who_asks_for_a_reload_is_told_what_is_wrong_as_check_tells_it(tmp_path: Path) -> None:
    path = config_of(tmp_path)
    with running(path) as gateway, gateway.connect() as client:
        path.write_text(INVALID)
        asked = reload_verb(gateway)
        checked = subprocess.run(
            [GATEWAY, "check", path], capture_output=True, text=True, check=False, timeout=60
        )

        assert status_of(client) == LET_THROUGH
        assert asked.returncode == 1
        *faults, last = asked.stderr.splitlines()
        assert faults == checked.stderr.splitlines()[:-1]
        assert last.startswith("gateway: not reloaded, the previous configuration stays active: ")


# --- what cannot be used

TLS: dict[str, Any] = {
    "listen": {
        "address": "127.0.0.1:0",
        "tls": {"certificate": "server.pem", "key": "server.key"},
    }
}


def tls_config(directory: Path, **changes: Any) -> Path:
    write_pair(directory, AUTHORITY.issue_cert("gateway.example"))
    return config_of(directory, **TLS, **changes)


def _unlink(directory: Path) -> None:
    (directory / "gateway.yaml").unlink()


def _replace_by_a_directory(directory: Path) -> None:
    _unlink(directory)
    (directory / "gateway.yaml").mkdir()


def _write_no_yaml(directory: Path) -> None:
    (directory / "gateway.yaml").write_text("routes: [\n")


def _include_what_is_missing(directory: Path) -> None:
    config_of(directory, include=["missing.yaml"])


def _mix_up_the_keys(directory: Path) -> None:
    write_pair(directory, AUTHORITY.issue_cert("other.example"), "other")
    (directory / "other.key").rename(directory / "server.key")


BROKEN = [
    ("is gone", config_of, _unlink, "cannot read "),
    ("is a directory", config_of, _replace_by_a_directory, "cannot read "),
    ("is no YAML", config_of, _write_no_yaml, "not_yaml: "),
    ("includes what is missing", config_of, _include_what_is_missing, "missing_file: "),
    ("has the key of another certificate", tls_config, _mix_up_the_keys, "bad_certificate: "),
]


@pytest.mark.parametrize(
    ("make", "damage", "said"),
    [one[1:] for one in BROKEN],
    ids=[one[0].replace(" ", "-") for one in BROKEN],
)
def test_a_configuration_that_cannot_be_used_changes_nothing_and_is_shown(
    make: Callable[[Path], Path], damage: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    path = make(tmp_path)
    with running(path) as gateway:
        before, started = config_status(gateway), config_metrics(gateway)
        damage(tmp_path)
        status, report = post_reload(gateway)
        after, refused = config_status(gateway), config_metrics(gateway)
        if path.is_dir():
            path.rmdir()
        make(tmp_path)
        mended, _ = post_reload(gateway)
        last = config_metrics(gateway)

    assert (status, report["outcome"], mended) == (409, "invalid", 200)
    assert said in report["error"]
    assert after["live_hash"] == before["live_hash"]
    assert (after["last_outcome"], after["last_error"]) == ("invalid", report["error"])
    assert after["last_success_at"] == before["last_success_at"] < after["last_attempt_at"]
    successful, at = "last_reload_successful", "last_reload_success_timestamp_seconds"
    assert (refused["invalid"], refused["applied"]) == (1, 0)
    assert [started[successful], refused[successful], last[successful]] == [1, 0, 1]
    assert started[at] == refused[at] < last[at]


def test_several_workers_go_on_together_or_stay_together(tmp_path: Path) -> None:
    path = config_of(tmp_path, workers=2)
    with running(path) as gateway:

        def answers() -> set[bytes]:
            """Return what new connections are answered: enough of them to meet both workers."""
            with ExitStack() as stack:
                clients = [stack.enter_context(gateway.connect()) for _ in range(30)]
                return {status_of(client) for client in clients}

        path.write_text(INVALID)
        refused = post_reload(gateway)[0], answers()
        config_of(tmp_path, workers=2, routes=CLOSED)
        applied = post_reload(gateway)[0], answers()

    assert refused == (409, {LET_THROUGH})
    assert applied == (200, {REFUSED})


# --- watched


class ConfigMap:
    """A directory as the kubelet mounts a ConfigMap, and changes it: all files at once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._count = 0

    def write(self, files: Mapping[str, str]) -> None:
        """Put *files* there in place of all that was."""
        self._count += 1
        former = (self.directory / "..data").resolve()
        new = self.directory / f"..2026_11_25_01_00_{self._count:02}.{self._count}"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text)
        (self.directory / "..data_tmp").symlink_to(new.name)
        (self.directory / "..data_tmp").rename(self.directory / "..data")
        for name in files:
            link = self.directory / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        if self._count > 1:
            shutil.rmtree(former)


def mounted(directory: Path, **changes: Any) -> dict[str, str]:
    """Return the files of a configuration that is watched; its routes are in a file of a team."""
    config = yaml.safe_load(config_of(directory, **changes).read_text())
    config |= {"include": ["team-*.yaml"], "reload": {"watch": "20ms"}}
    routes = config.pop("routes")
    return {
        "gateway.yaml": yaml.safe_dump(config),
        "team-a.yaml": yaml.safe_dump({"routes": routes}),
        "keys.json": '{"keys": []}',
    }


def test_the_change_of_a_configmap_is_taken_by_a_gateway_that_watches(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    configmap = ConfigMap(volume)
    open_to_all, closed = mounted(tmp_path), mounted(tmp_path, routes=CLOSED)
    configmap.write(open_to_all)
    with running(volume / "gateway.yaml") as gateway, gateway.connect() as client:
        assert status_of(client) == LET_THROUGH
        configmap.write(closed)
        read_line(gateway.process, "reloaded")
        after_the_change = status_of(client)

        configmap.write({**closed, "team-a.yaml": "routes: [\n"})
        read_line(gateway.process, "not reloaded")
        configmap.write(closed)  # what is live, and not what was tried last
        read_line(gateway.process, "reloaded")
        while_broken = status_of(client)

        (volume / "team-b.yaml").symlink_to("..data/team-b.yaml")
        route = {"name": "more", "match": {"path": "/more"}, "upstream": "main", "public": True}
        configmap.write({**open_to_all, "team-b.yaml": yaml.safe_dump({"routes": [route]})})
        read_line(gateway.process, "reloaded")
        client.sendall(b"GET /more HTTP/1.1\r\nHost: a.test\r\n\r\n")
        of_a_new_file = client.recv(65536).partition(b"\r\n")[0]

        counts = config_metrics(gateway)

    assert (after_the_change, while_broken) == (REFUSED, REFUSED)
    assert of_a_new_file == LET_THROUGH
    assert (counts["applied"], counts["invalid"]) == (3, 1)


def shown_certificate(gateway: Running) -> str:
    return ssl.get_server_certificate(gateway.data, timeout=LIMIT_SECONDS)


def secret_of(leaf: trustme.LeafCert) -> dict[str, str]:
    """Return the files of a Secret of the type ``kubernetes.io/tls``."""
    key = leaf.private_key_pem.bytes()
    return {"tls.crt": chain_of(leaf).decode(), "tls.key": key.decode()}


def test_the_change_of_a_secret_is_taken_by_a_gateway_that_watches(tmp_path: Path) -> None:
    """The configuration is the same: only its certificate, and the key of that, are others."""
    volume = tmp_path / "tls"
    volume.mkdir()
    secret = ConfigMap(volume)
    leaves = [AUTHORITY.issue_cert("gateway.example") for _ in range(2)]
    secret.write(secret_of(leaves[0]))
    files = {"certificate": "tls/tls.crt", "key": "tls/tls.key"}
    listen = {"address": "127.0.0.1:0", "tls": files}
    with running(config_of(tmp_path, listen=listen, reload={"watch": "20ms"})) as gateway:
        before = shown_certificate(gateway)
        secret.write(secret_of(leaves[1]))
        read_line(gateway.process, "reloaded")
        after = shown_certificate(gateway)

    assert before.strip() in chain_of(leaves[0]).decode()
    assert after.strip() in chain_of(leaves[1]).decode()


def test_a_broken_file_is_tried_once_while_it_stays_as_it_is(tmp_path: Path) -> None:
    path = config_of(tmp_path, reload={"watch": "10ms"})
    with running(path) as gateway:
        path.write_text(INVALID)
        read_line(gateway.process, "not reloaded")
        # Thirty looks, in which it is found as it was.
        time.sleep(0.3)
        path.write_text(INVALID + "more: 1\n")
        read_line(gateway.process, "not reloaded")
        counts = config_metrics(gateway)

    assert (counts["applied"], counts["invalid"]) == (0, 2)


# --- tested first

SUITE = """\
version: 1
personas: {nobody: {anonymous: true}}
tests:
  - {name: the open door, request: "GET http://a.test/open", expect: {nobody: allow}}
"""


def config_with_suite(directory: Path, **changes: Any) -> Path:
    (directory / "door.test.yaml").write_text(SUITE)
    return config_of(directory, suites=["*.test.yaml"], reload={"suites": True}, **changes)


def test_suites_that_do_not_hold_keep_the_former_configuration_and_are_shown(
    tmp_path: Path,
) -> None:
    with running(config_with_suite(tmp_path)) as gateway, gateway.connect() as client:
        before = config_status(gateway)["live_hash"]
        config_with_suite(tmp_path, routes=CLOSED)
        status, report = post_reload(gateway)
        asked = reload_verb(gateway)
        line = read_line(gateway.process, "FAIL")
        refused, let_through = config_status(gateway), status_of(client)
        counts = config_metrics(gateway)

        config_with_suite(tmp_path, drain="7s")
        applied, _ = post_reload(gateway)

    where = f"{tmp_path}/door.test.yaml:4:71: the open door: nobody"
    assert (status, report["outcome"], applied) == (409, "tests_failed", 200)
    assert report["error"] == f"1 of 1 tests failed: {where}"
    assert report["failures"][0]["reasons"][0] == "expected allow, got token_missing"
    assert line == f"FAIL {where}\n"
    assert (asked.returncode, asked.stderr.splitlines()[0]) == (1, f"FAIL {where}")
    assert refused["live_hash"] == before
    assert (refused["last_outcome"], refused["last_failures"]) == ("tests_failed", [where])
    assert let_through == LET_THROUGH
    assert (counts["tests_failed"], counts["applied"]) == (2, 0)


def test_no_suite_keeps_a_gateway_from_starting(tmp_path: Path) -> None:
    """It must come up again after a crash, under the configuration that it had."""
    with (
        running(config_with_suite(tmp_path, routes=CLOSED)) as gateway,
        gateway.connect() as client,
    ):
        assert status_of(client) == REFUSED
