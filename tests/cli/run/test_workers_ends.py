"""`gateway run` with several workers survives the crash of each of them, and ends cleanly."""

import json
import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.certificates import AUTHORITY, trusting, write_pair
from tests.cli.worker_world import (
    Fleet,
    Site,
    config_of,
    route,
    serving,
    site,
    started,
    token,
    until,
)
from tests.hanging import LIMIT_SECONDS

MANY = 40
CLOSED = [route("all", "/", require={})]


@pytest.fixture(scope="module")
def service() -> Iterator[Site]:
    with site() as one:
        yield one


@pytest.fixture(autouse=True)
def hold(service: Site) -> None:
    """Hold what asks for it, in each test anew."""
    service.release.clear()


@pytest.fixture(scope="module")
def healing(service: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two workers for the tests that leave two behind, be they others."""
    with serving(config_of(tmp_path_factory.mktemp("healing"), service.url)) as fleet:
        yield fleet


def kill(fleet: Fleet, pid: int) -> None:
    """Kill a worker, and return once there is another one in its place."""
    restarts = sum(fleet.restarts())
    os.kill(pid, signal.SIGKILL)
    until(lambda: sum(fleet.restarts()) > restarts and len(fleet.workers()) == 2)


def whole(client: socket.socket) -> bytes:
    """Return all that comes until the connection ends."""
    with client:
        return b"".join(iter(lambda: client.recv(65536), b""))


def answer(client: socket.socket) -> bytes:
    """Return an answer whose body is ``hello``."""
    received = b""
    while not received.endswith(b"\r\n\r\nhello"):
        piece = client.recv(65536)
        assert piece, received
        received += piece
    return received


def refuses(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=LIMIT_SECONDS).close()
    except ConnectionRefusedError:
        return True
    return False


# --- a worker dies


class Load:
    """Clients that ask without a pause, each request on a connection of its own."""

    def __init__(self, fleet: Fleet, clients: int) -> None:
        self.fleet = fleet
        self.answered = 0
        self.refused: list[str] = []
        self.cut: list[str] = []
        self.odd: list[bytes] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        request = b"GET /open/x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
        while not self._ended.is_set():
            try:
                client = self.fleet.connect()
            except OSError as error:
                self.refused.append(repr(error))
                continue
            try:
                client.sendall(request)
                received = whole(client)
            except OSError as error:
                self.cut.append(repr(error))
                continue
            with self._lock:
                if received.startswith(b"HTTP/1.1 200 ") and received.endswith(b"hello"):
                    self.answered += 1
                elif received:
                    self.odd.append(received)
                else:
                    self.cut.append("no answer")

    def go_on(self, count: int) -> None:
        """Return once so many more were answered."""
        wanted = self.answered + count
        until(lambda: self.answered >= wanted)

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(LIMIT_SECONDS)


def test_workers_killed_under_load_cost_what_was_in_flight_on_them_and_no_connection(
    healing: Fleet,
) -> None:
    clients, kills = 6, 3
    first, other = healing.restarts()
    load, counted = Load(healing, clients), [0.0]
    try:
        for number in range(kills):
            load.go_on(100)
            os.kill(healing.workers()[0], signal.SIGKILL)
            while healing.restarts()[0] == first + number:
                counted.append(healing.metric("gateway_connections_total"))
            until(lambda: len(healing.workers()) == 2)
            counted.append(healing.metric("gateway_connections_total"))
        load.go_on(100)
    finally:
        load.end()
    counted.append(healing.metric("gateway_connections_total"))

    assert load.refused == []
    assert load.odd == []
    assert len(load.cut) <= clients * kills, load.cut
    assert counted == sorted(counted)
    assert healing.restarts() == [first + kills, other]
    assert healing.metric("gateway_worker_restarts_total") == first + kills + other
    assert "SIGKILL" in healing.await_said("worker 1 (pid")


def test_what_a_dead_worker_had_not_taken_yet_is_answered_by_the_next(healing: Fleet) -> None:
    with ExitStack() as stack:
        victim = healing.workers()[1]
        os.kill(victim, signal.SIGSTOP)
        waiting = [stack.enter_context(healing.send("/open/x")) for _ in range(MANY)]

        kill(healing, victim)

        assert all(answer(client).startswith(b"HTTP/1.1 200 ") for client in waiting)


def test_only_the_worker_that_was_killed_cuts_its_requests(healing: Fleet, service: Site) -> None:
    held = healing.on_each_worker(lambda: healing.send("/open/hold"))
    victim, other = held
    kill(healing, victim)

    assert whole(held[victim]) == b""
    service.release.set()
    assert answer(held[other]).startswith(b"HTTP/1.1 200 ")
    held[other].close()


def test_a_signal_for_a_worker_is_not_for_it(healing: Fleet) -> None:
    """A terminal and service managers tell them all; the order is the supervisor's."""
    workers = healing.workers()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        for pid in workers:
            os.kill(pid, number)

    assert {healing.ask("/open/x").status for _ in range(MANY)} == {200}
    assert healing.workers() == workers


def test_another_gateway_on_the_same_port_is_refused_though_the_system_would_share_it(
    tmp_path: Path, healing: Fleet, service: Site
) -> None:
    place = "{}:{}".format(*healing.data)
    with started(config_of(tmp_path, service.url, listen=place)) as second:
        assert second.process.wait(LIMIT_SECONDS) == 3
        line = second.await_said("in use")

    assert line == f"gateway: cannot listen on {place} (listen): address already in use\n"
    assert second.said == [line]


# A machine on which workers cannot be had: those whose count is over end at once.
DEADLY = """
import os, sys
if "gateway.supervisor" in sys.orig_argv:
    with open(os.environ["BORN"], "a+") as born:
        born.write("x")
        born.flush()
        if born.tell() > int(os.environ["MAY_LIVE"]):
            os._exit(7)
"""


def deadly(directory: Path, may_live: int) -> dict[str, str]:
    """Return the environment in which only so many workers live."""
    (directory / "sitecustomize.py").write_text(DEADLY)
    path = os.pathsep.join(filter(None, (str(directory), os.environ.get("PYTHONPATH"))))
    born = str(directory / "born")
    return {"PYTHONPATH": path, "BORN": born, "MAY_LIVE": str(may_live)}


@pytest.mark.parametrize("may_live", [0, 1])
def test_workers_that_die_at_the_start_end_with_3_one_clear_line_and_nobody_left(
    tmp_path: Path, may_live: int
) -> None:
    path = config_of(tmp_path, "http://127.0.0.1:1")
    with started(path, deadly(tmp_path, may_live)) as fleet:
        assert fleet.process.wait(LIMIT_SECONDS) == 3
        line = fleet.await_said("exited before it served")

    pattern = r"gateway: worker [12] \(pid \d+\) exited before it served: exit code 7\n"
    assert re.fullmatch(pattern, line)
    assert fleet.said == [line]
    fleet.await_no_workers()


def test_a_worker_that_dies_again_and_again_keeps_traffic_away_and_the_gateway_stays(
    tmp_path: Path, service: Site
) -> None:
    path = config_of(tmp_path, service.url)
    with serving(path, deadly(tmp_path, 2)) as fleet:
        assert fleet.get("/readyz").status == 200
        victim, steady = fleet.workers()
        os.kill(victim, signal.SIGKILL)
        fleet.await_said("exit code 7; retrying", 3)

        ready = fleet.get("/readyz")
        assert ready.status == 503
        assert b"worker 1 keeps crashing" in ready.body
        assert fleet.get("/livez").status == 200
        assert fleet.workers() == [steady]

        (tmp_path / "sitecustomize.py").unlink()
        fleet.await_said("worker 1 serves again")
        assert {fleet.ask("/open/x").status for _ in range(MANY)} == {200}
        assert fleet.workers()[1] == steady
        assert fleet.metric("gateway_worker_restarts_total") >= 4


# --- the gateway ends


def test_the_first_signal_lets_all_workers_finish(tmp_path: Path, service: Site) -> None:
    with serving(config_of(tmp_path, service.url)) as fleet:
        held = fleet.on_each_worker(lambda: fleet.send("/open/hold"))
        fleet.process.terminate()
        fleet.await_said("draining")
        until(lambda: refuses(fleet.data))
        assert b"draining" in fleet.get("/readyz").body
        service.release.set()

        for client in held.values():
            last = whole(client)
            assert last.startswith(b"HTTP/1.1 200 ")
            assert b"\r\nConnection: close\r\n" in last
            assert last.endswith(b"hello")
        assert fleet.process.wait(LIMIT_SECONDS) == 0
        fleet.await_no_workers()
    assert not any("Traceback" in line or "exited" in line for line in fleet.said), fleet.said


def test_the_second_signal_ends_all_workers_at_once(tmp_path: Path, service: Site) -> None:
    with serving(config_of(tmp_path, service.url, drain="1h")) as fleet:
        held = fleet.on_each_worker(lambda: fleet.send("/open/hold"))
        fleet.process.terminate()
        fleet.await_said("draining")
        until(lambda: refuses(fleet.data))
        fleet.process.terminate()

        assert fleet.process.wait(LIMIT_SECONDS) == 128 + signal.SIGTERM
        assert [whole(client) for client in held.values()] == [b"", b""]
        fleet.await_no_workers()


def test_workers_that_lost_their_supervisor_finish_and_another_gateway_takes_over(
    tmp_path: Path, service: Site
) -> None:
    """They do not wait for the drain's delay: nobody is there any more to say that they drain."""
    drain = {"deadline": "1h", "delay": "1h"}
    with serving(config_of(tmp_path, service.url, drain=drain)) as fleet:
        held = fleet.on_each_worker(lambda: fleet.send("/open/hold"))
        fleet.process.kill()
        until(lambda: refuses(fleet.data))

        host, port = fleet.data
        with serving(config_of(tmp_path, service.url, listen=f"{host}:{port}")) as another:
            assert another.data == fleet.data
            assert {another.ask("/open/x").status for _ in range(MANY)} == {200}
            service.release.set()
            for client in held.values():
                assert whole(client).endswith(b"hello")
            fleet.await_no_workers()


def test_a_worker_that_is_stopped_does_not_keep_the_gateway_from_ending(
    tmp_path: Path, service: Site
) -> None:
    with serving(config_of(tmp_path, service.url, drain="200ms")) as fleet:
        os.kill(fleet.workers()[0], signal.SIGSTOP)
        fleet.process.terminate()
        fleet.await_said("draining")
        fleet.process.terminate()

        assert fleet.process.wait(LIMIT_SECONDS) == 128 + signal.SIGTERM
        fleet.await_no_workers()


# --- another configuration


def test_a_reload_is_live_in_all_workers_and_one_that_fails_in_none(
    tmp_path: Path, service: Site
) -> None:
    path = config_of(tmp_path, service.url)
    with serving(path) as fleet:
        workers = fleet.workers()
        path.write_text("version: 1\n")
        fleet.process.send_signal(signal.SIGHUP)
        fleet.await_said("not reloaded")
        assert {fleet.ask("/open/x").status for _ in range(MANY)} == {200}

        config_of(tmp_path, service.url, routes=CLOSED)
        fleet.process.send_signal(signal.SIGHUP)
        fleet.await_said("gateway: reloaded")
        assert {fleet.ask("/open/x").status for _ in range(MANY)} == {401}

        os.kill(workers[0], signal.SIGKILL)  # whoever comes later has it, too
        fleet.await_said("worker 1 serves again")
        assert {fleet.ask("/open/x").status for _ in range(MANY)} == {401}
        assert {fleet.ask("/", token()).status for _ in range(MANY)} == {200}


# --- the supervisor hangs


def test_a_supervisor_that_hangs_holds_up_nobody_but_the_first_request_of_each_worker(
    tmp_path: Path, service: Site
) -> None:
    """Each worker counts for itself until the supervisor goes on, and asks it nothing."""
    routes = [
        route("open", "/open/", public=True, rate_limits=["all"]),
        route("closed", "/", require={}),
    ]
    limits = {"all": {"rate": "5/1h", "key": "route"}}
    path = config_of(tmp_path, service.url, routes=routes, rate_limits=limits)
    with serving(path) as fleet:
        os.kill(fleet.process.pid, signal.SIGSTOP)
        try:
            statuses = [fleet.ask("/open/x").status for _ in range(60)]
            # A key that nobody knows: one more that only the supervisor could get.
            unknown = fleet.ask("/x", token(kid="1", said_kid="1")).status
        finally:
            os.kill(fleet.process.pid, signal.SIGCONT)

        assert sorted(statuses) == [200] * 10 + [429] * 50
        assert unknown == 401
        fleet.await_said("the supervisor does not respond; serving without it until it does", 2)
        until(lambda: fleet.ask("/open/x").status in {200, 429} and _answers_again(fleet) == 2)
    assert sum("does not respond" in line for line in fleet.said) == 2


def _answers_again(fleet: Fleet) -> int:
    return sum("the supervisor responds again" in line for line in fleet.said)


# --- limits, addresses, logs


def test_the_limit_of_connections_is_that_of_all_workers_together(
    tmp_path: Path, service: Site
) -> None:
    limits = {"connections": 5}
    with serving(config_of(tmp_path, service.url, limits=limits)) as fleet, ExitStack() as stack:
        assert fleet.metric("gateway_connections_limit") == 5
        clients = [stack.enter_context(fleet.connect()) for _ in range(MANY)]
        statuses = []
        for client in clients:
            client.sendall(b"GET /open/x HTTP/1.1\r\nHost: a.test\r\n\r\n")
        for client in clients:
            statuses.append(client.recv(65536)[9:12])  # noqa: PERF401 - they are open till the end

    assert statuses.count(b"200") == 5
    assert statuses.count(b"503") == MANY - 5


def test_workers_listen_on_an_address_of_ipv6_with_a_path_that_is_relative(
    tmp_path: Path, service: Site
) -> None:
    config_of(tmp_path, service.url, listen="[::1]:0", include=["more/*.yaml"])
    (tmp_path / "more").mkdir()
    more = "routes: [{name: more, match: {path: /more}, upstream: main, public: true}]\n"
    (tmp_path / "more" / "a.yaml").write_text(more)
    with serving(Path("gateway.yaml"), cwd=tmp_path) as fleet:
        assert fleet.data[0] == "[::1]"
        fleet.data = ("::1", fleet.data[1])
        assert {fleet.ask("/more").status for _ in range(MANY)} == {200}


def test_workers_speak_tls(tmp_path: Path, service: Site) -> None:
    write_pair(tmp_path, AUTHORITY.issue_cert("gateway.example"))
    tls = {"certificate": "server.pem", "key": "server.key"}
    listen = {"address": "127.0.0.1:0", "tls": tls}
    with serving(config_of(tmp_path, service.url, listen=listen)) as fleet:
        context = trusting()
        for _ in range(MANY // 4):
            with context.wrap_socket(fleet.connect(), server_hostname="gateway.example") as client:
                client.sendall(b"GET /open/x HTTP/1.1\r\nHost: a.test\r\n\r\n")
                assert answer(client).startswith(b"HTTP/1.1 200 ")


def test_the_access_log_of_all_workers_may_go_to_one_file(tmp_path: Path, service: Site) -> None:
    """However long a line is: in a file that is appended to, the system keeps them apart."""
    log = tmp_path / "access.log"
    with (
        log.open("ab") as file,
        serving(config_of(tmp_path, service.url), stdout=file) as fleet,
        ExitStack() as stack,
    ):
        request = f"GET /{'x' * 6000} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode()
        for _ in range(20):
            stack.enter_context(fleet.connect()).sendall(request * 10)
        until(lambda: log.read_bytes().count(b"\n") >= 200)
        fleet.process.terminate()
        assert fleet.process.wait(LIMIT_SECONDS) == 0

    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert len(lines) == 200
    assert len({line["id"].partition("-")[0] for line in lines}) == 2  # of both workers
