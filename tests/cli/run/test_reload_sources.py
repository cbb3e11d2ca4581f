"""`gateway run` never replaces working keys and lists by none, unless it is forced."""

import json
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.run.test_command import GATEWAY
from tests.cli.worker_world import (
    Fleet,
    Site,
    config_of,
    issuer_of,
    jwks,
    serving,
    site,
    token,
    until,
)
from tests.hanging import LIMIT_SECONDS

DEAD = "http://127.0.0.1:1"


class Asking:
    """A client that asks with a good token over and over; *seen* counts the statuses."""

    def __init__(self, fleet: Fleet, bearer: str) -> None:
        self.seen: Counter[int] = Counter()
        self._fleet = fleet
        self._bearer = bearer
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._ended.is_set():
            self.seen[self._fleet.ask("/x", self._bearer).status] += 1

    def await_more(self) -> None:
        """Return once it has asked ten times from now on."""
        until_count = self.seen.total() + 10
        until(lambda: self.seen.total() >= until_count, "no answers any more")

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join(LIMIT_SECONDS)


def reload_verb(fleet: Fleet, *options: str) -> subprocess.CompletedProcess[str]:
    url = "http://{}:{}".format(*fleet.admin)
    return subprocess.run(
        [GATEWAY, "reload", "--url", url, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )


def outcomes(fleet: Fleet) -> dict[str, float]:
    """Return how many reloads came to what, without those that nothing came to."""
    names = ("applied", "invalid", "unavailable")
    counts = {name: fleet.metric("gateway_config_reloads_total", outcome=name) for name in names}
    return {name: count for name, count in counts.items() if count}


def change(path: Path, **changes: Any) -> None:
    """Write the configuration anew, with *changes* of its sections."""
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))


@contextmanager
def keyed(directory: Path, workers: int, **changes: Any) -> Iterator[tuple[Path, Site, Fleet]]:
    """Yield a configuration, its service and issuer, and a gateway that serves under it."""
    with site() as one:
        one.documents["/main"] = jwks("0")
        changes = {"workers": workers, **changes}
        path = config_of(directory, one.url, one.url, **changes)
        with serving(path) as fleet:
            yield path, one, fleet


@pytest.mark.parametrize("workers", [1, 2])
def test_a_jwks_url_at_a_dead_port_changes_nothing_and_no_request_fails(
    workers: int, tmp_path: Path
) -> None:
    with keyed(tmp_path, workers) as (path, _, fleet), Asking(fleet, token()) as asking:
        before = fleet.status()["config"]["live_hash"]
        change(path, issuers={"main": issuer_of("main", DEAD)})
        done = reload_verb(fleet)
        asking.await_more()
        fleet.process.send_signal(signal.SIGHUP)
        fleet.await_said("not reloaded", times=2)
        asking.await_more()
        config, counts = fleet.status()["config"], outcomes(fleet)
        is_ready = fleet.get("/readyz").status

    assert set(asking.seen) == {200}
    assert done.returncode == 1
    fault, last = done.stderr.splitlines()
    line = path.read_text().splitlines().index(f"    jwks_url: {DEAD}/main") + 1
    assert fault == (
        f"{path}:{line}:15: keys_unavailable: issuer `main`: no keys: {DEAD}/main: cannot connect "
        "(Connection refused); make it reachable, or correct `jwks_url`"
    )
    assert last == (
        "gateway: not reloaded, the previous configuration stays active: keys or revocation lists "
        "are missing (`gateway reload --force` accepts the configuration without them)"
    )
    assert (config["live_hash"], config["last_outcome"]) == (before, "unavailable")
    assert config["last_error"].startswith("issuer `main`: no keys: ")
    assert (counts, is_ready) == ({"unavailable": 2}, 200)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_forced_reload_takes_it_all_the_same_and_leaves_the_gateway_ready(
    workers: int, tmp_path: Path
) -> None:
    with keyed(tmp_path, workers) as (path, _, fleet):
        assert fleet.ask("/x", token()).status == 200
        change(path, issuers={"main": issuer_of("main", DEAD)})
        done = reload_verb(fleet, "--force")
        refused = fleet.ask("/x", token())
        readiness = fleet.get("/readyz")
        counts = outcomes(fleet)

    assert (done.returncode, done.stdout[:17]) == (0, "reloaded, config ")
    assert "keys_unavailable: warning: issuer `main`: no keys: " in done.stderr
    assert (refused.status, refused.json()["reason"]) == (503, "keys_unavailable")
    assert (readiness.status, readiness.json()["not_ready"]) == (200, [])
    assert counts == {"applied": 1}


def test_a_key_file_that_holds_no_keys_is_not_taken_up(tmp_path: Path) -> None:
    with keyed(tmp_path, 1) as (path, _, fleet), Asking(fleet, token()) as asking:
        (tmp_path / "new.json").write_text("{")
        section = {**issuer_of("main", None), "jwks_file": "new.json"}
        change(path, issuers={"main": section})
        done = reload_verb(fleet)
        asking.await_more()

        (tmp_path / "new.json").write_bytes(jwks("0"))
        mended = reload_verb(fleet)
        asking.await_more()

        # The same file under the same name: the keys that were read before stay in use.
        (tmp_path / "new.json").write_text('{"keys": []}')
        emptied = reload_verb(fleet)
        asking.await_more()

    assert set(asking.seen) == {200}
    assert [one.returncode for one in (done, mended, emptied)] == [1, 0, 0]
    assert "keys_unusable: issuer `main`: no keys: " in done.stderr
    assert emptied.stderr == (
        f"{path}:7:16: keys_unusable: warning: issuer `main`: cannot be read again, its last "
        f"good content stays in use: {tmp_path}/new.json: no usable key in the set; correct the "
        "file\n"
    )


def test_a_revocation_list_that_cannot_be_loaded_is_not_taken_up(tmp_path: Path) -> None:
    with keyed(tmp_path, 1) as (path, _, fleet), Asking(fleet, token()) as asking:
        statuses = []
        for source in ({"url": f"{DEAD}/r"}, {"file": "keys.json"}):
            change(path, revocations={"blocked": source})
            done = reload_verb(fleet)
            statuses.append(done.returncode)
            assert "revocation list `blocked`: no list: " in done.stderr
            asking.await_more()

    assert set(asking.seen) == {200}
    assert statuses == [1, 1]


def test_requests_are_served_while_a_reload_waits_and_the_wait_is_bounded(tmp_path: Path) -> None:
    """HUPs during the wait come to one more attempt, which reads the files as they are then."""
    with keyed(tmp_path, 2) as (path, one, fleet), Asking(fleet, token()) as asking:
        section = issuer_of("main", f"{one.url}/hold?", fetch_timeout="50s")
        section["jwks_url"] = f"{one.url}/keys/hold"
        good = path.read_text()
        change(path, issuers={"main": section}, reload={"wait": "2s"})
        fleet.process.send_signal(signal.SIGHUP)
        until(lambda: one.holds > 0, "it never asked for the keys")
        path.write_text(good)
        for _ in range(5):
            fleet.process.send_signal(signal.SIGHUP)
        asking.await_more()
        fleet.await_said("reloaded, config")
        asking.await_more()
        counts = outcomes(fleet)
        (refusal,) = [line for line in fleet.said if "no complete response" in line]

    assert set(asking.seen) == {200}
    assert "no complete response within 2 s (`reload.wait`)" in refusal
    assert (counts["unavailable"], counts["applied"] >= 1) == (1, True)


def test_a_gateway_that_is_told_to_end_does_not_wait_for_the_keys_of_a_reload(
    tmp_path: Path,
) -> None:
    with keyed(tmp_path, 2) as (path, one, fleet):
        section = issuer_of("main", one.url, fetch_timeout="50s")
        section["jwks_url"] = f"{one.url}/keys/hold"
        change(path, issuers={"main": section}, reload={"wait": "1h"})
        fleet.process.send_signal(signal.SIGHUP)
        until(lambda: one.holds > 0, "it never asked for the keys")
        fleet.process.terminate()

        assert fleet.process.wait(LIMIT_SECONDS) == 0
        assert not one.release.is_set()


def test_a_watched_change_is_taken_once_its_keys_are_there(tmp_path: Path) -> None:
    """Nobody is there who would ask again, and no file changes when the issuer is back."""
    with keyed(tmp_path, 1, reload={"watch": "20ms"}) as (path, one, fleet):
        with Asking(fleet, token()) as asking:
            one.documents["/later"] = 404
            section = {**issuer_of("main", one.url), "jwks_url": f"{one.url}/later"}
            change(path, issuers={"main": section})
            fleet.await_said("not reloaded")
            asking.await_more()
            one.documents["/later"] = jwks("0")
            fleet.await_said("reloaded, config")
            asking.await_more()

        assert set(asking.seen) == {200}
        assert outcomes(fleet)["applied"] == 1
        assert json.loads(fleet.get("/status").body)["config"]["last_error"] is None


def test_an_issuer_that_never_had_keys_holds_up_no_change_of_anything_else(tmp_path: Path) -> None:
    broken = issuer_of("broken", DEAD)
    with keyed(tmp_path, 1) as (path, one, fleet):
        main = issuer_of("main", one.url)
        change(path, issuers={"main": main, "partner": {**broken, "required": False}})
        added = reload_verb(fleet)
        change(path, drain="7s")
        changed = reload_verb(fleet)
        required = {**issuer_of("required", DEAD)}
        change(path, issuers={"main": main, "required": required})
        refused = reload_verb(fleet)
        accepted = fleet.ask("/x", token()).status

    assert (added.returncode, changed.returncode, refused.returncode) == (0, 0, 1)
    assert "warning: issuer `partner`: no keys: " in added.stderr
    assert changed.stderr == ""
    assert accepted == 200
