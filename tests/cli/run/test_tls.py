"""`gateway run` with TLS, as clients and `openssl s_client` see it, while certificates change."""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate

from tests.certificates import AUTHORITY, DAY, NOW, trusting, write_pair
from tests.cli.run.test_command import GATEWAY, Running, address_in, config_of, read_line, running
from tests.hanging import LIMIT_SECONDS

TLS = {"certificate": "server.pem", "key": "server.key"}
LISTEN = {"address": "127.0.0.1:0", "tls": TLS}
REQUEST = b"GET /x HTTP/1.1\r\nHost: gateway.example\r\n\r\n"


def renew(directory: Path) -> str:
    """Write a new certificate and key; return the serial number, as Python shows it."""
    leaf = AUTHORITY.issue_cert("gateway.example")
    write_pair(directory, leaf)
    return serial_of((directory / "server.pem").read_bytes())


def serial_of(pem: bytes) -> str:
    return f"{load_pem_x509_certificate(pem).serial_number:040X}"


class Client:
    """A connection that is asked on again and again."""

    def __init__(self, gateway: Running, context: ssl.SSLContext) -> None:
        raw = gateway.connect()
        self._tls = context.wrap_socket(raw, server_hostname="gateway.example")

    def ask(self) -> bytes:
        """Return the status line of one more request."""
        self._tls.sendall(REQUEST)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._receive()
        head, _, body = answer.partition(b"\r\n\r\n")
        [length] = re.findall(rb"(?i)\r\ncontent-length: (\d+)", head)
        while len(body) < int(length):
            body += self._receive()
        return head.partition(b"\r\n")[0]

    def _receive(self) -> bytes:
        piece = self._tls.recv(65536)
        if not piece:
            raise ConnectionError("cut off")
        return piece

    def serial(self) -> str:
        shown = self._tls.getpeercert()
        assert shown is not None
        return str(shown["serialNumber"]).zfill(40)

    def close(self) -> None:
        self._tls.close()


class Stream:
    """Clients that come one after the other, each with a whole handshake, until told to stop."""

    def __init__(self, gateway: Running) -> None:
        self._gateway = gateway
        self._stopped = threading.Event()
        self.serials: list[str] = []
        self.errors: list[Exception] = []
        self._threads = [threading.Thread(target=self._come) for _ in range(3)]
        for thread in self._threads:
            thread.start()

    def _come(self) -> None:
        context = trusting()
        while not self._stopped.is_set():
            try:
                client = Client(self._gateway, context)
                assert client.ask() == b"HTTP/1.1 401 Unauthorized"
                self.serials.append(client.serial())
                client.close()
            except Exception as error:
                self.errors.append(error)
                return

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(LIMIT_SECONDS)


@pytest.mark.parametrize("workers", [1, 2])
def test_certificates_are_renewed_under_a_stream_of_handshakes_and_nobody_notices(
    workers: int, tmp_path: Path
) -> None:
    """Each of them verifies, and connections from before the first renewal last to the end.

    Behind a reload no worker shows the former one.
    """
    known = [renew(tmp_path)]
    with running(config_of(tmp_path, listen=LISTEN, workers=workers)) as gateway:
        kept = [Client(gateway, trusting()) for _ in range(5)]
        stream = Stream(gateway)
        try:
            for _ in range(8):
                known.append(renew(tmp_path))
                gateway.process.send_signal(signal.SIGHUP)
                read_line(gateway.process, "reloaded")
                for _ in range(4):
                    latest = Client(gateway, trusting())
                    assert latest.serial() == known[-1]
                    latest.close()
                assert {client.ask() for client in kept} == {b"HTTP/1.1 401 Unauthorized"}
        finally:
            stream.stop()
        for client in kept:
            client.close()

    assert stream.errors == []
    assert len(set(stream.serials)) > 1
    assert set(stream.serials) <= set(known)


@pytest.mark.parametrize("broken", ["server.pem", "server.key"])
def test_half_of_a_renewal_changes_nothing_and_the_other_half_completes_it(
    broken: str, tmp_path: Path
) -> None:
    """Two files are never replaced in one moment: in between, they do not match."""
    former = renew(tmp_path)
    with running(config_of(tmp_path, listen=LISTEN)) as gateway:
        old = {name: (tmp_path / name).read_bytes() for name in ("server.pem", "server.key")}
        latest = renew(tmp_path)
        new = (tmp_path / broken).read_bytes()
        (tmp_path / broken).write_bytes(old[broken])
        gateway.process.send_signal(signal.SIGHUP)

        fault = read_line(gateway.process, "bad_certificate")
        read_line(gateway.process, "not reloaded")
        client = Client(gateway, trusting())
        assert client.serial() == former
        client.close()
        assert re.search(r"gateway\.yaml:\d+:\d+: bad_certificate: ", fault)

        (tmp_path / broken).write_bytes(new)
        gateway.process.send_signal(signal.SIGHUP)
        read_line(gateway.process, "reloaded")
        client = Client(gateway, trusting())
        assert client.serial() == latest
        client.close()


def test_files_that_are_gone_are_missed_at_the_next_reload_and_not_before(tmp_path: Path) -> None:
    """What was read is kept: a worker that starts later has the same certificate."""
    former = renew(tmp_path)
    with running(config_of(tmp_path, listen=LISTEN)) as gateway:
        (tmp_path / "server.key").unlink()
        client = Client(gateway, trusting())
        assert client.ask() == b"HTTP/1.1 401 Unauthorized"
        gateway.process.send_signal(signal.SIGHUP)

        read_line(gateway.process, "missing_file")
        read_line(gateway.process, "not reloaded")
        assert client.ask() == b"HTTP/1.1 401 Unauthorized"
        assert client.serial() == former
        client.close()


def test_a_worker_that_takes_the_place_of_another_has_its_certificate_whatever_lies_on_the_disk(
    tmp_path: Path,
) -> None:
    """Or a renewal that is half done would have workers that show two certificates, or none."""
    former = renew(tmp_path)
    with running(config_of(tmp_path, listen=LISTEN, workers=2)) as gateway:
        renew(tmp_path)
        (tmp_path / "server.key").write_text("half of it")
        killed = {pid for pid, _ in workers_of(gateway)}
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + LIMIT_SECONDS
        while killed & {pid for pid, is_up in workers_of(gateway)} or not all(
            is_up for _, is_up in workers_of(gateway)
        ):
            assert time.monotonic() < deadline
            time.sleep(0.02)

        for _ in range(8):
            client = Client(gateway, trusting())
            assert client.serial() == former
            assert client.ask() == b"HTTP/1.1 401 Unauthorized"
            client.close()


def workers_of(gateway: Running) -> list[tuple[int, bool]]:
    """Return the process id of each worker, and whether it serves."""
    with closing(HTTPConnection(*gateway.admin, timeout=LIMIT_SECONDS)) as admin:
        admin.request("GET", "/status")
        workers = json.loads(admin.getresponse().read())["workers"]
    return [(one["pid"], one["started_at"] is not None) for one in workers]


def test_an_expired_certificate_is_shown_and_said_at_the_start_and_at_each_reload(
    tmp_path: Path,
) -> None:
    leaf = AUTHORITY.issue_cert("gateway.example", not_before=NOW - 2 * DAY, not_after=NOW - DAY)
    write_pair(tmp_path, leaf)
    unlooking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unlooking.check_hostname, unlooking.verify_mode = False, ssl.CERT_NONE
    process = subprocess.Popen(
        [GATEWAY, "run", str(config_of(tmp_path, listen=LISTEN))],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    watchdog = threading.Timer(LIMIT_SECONDS, process.kill)
    watchdog.start()
    try:
        assert "certificate_not_current: warning: it expired on " in read_line(process, "expired")
        data = address_in(read_line(process, "listening on"))
        gateway = Running(process, data, address_in(read_line(process, "admin on")))
        client = Client(gateway, unlooking)
        assert client.ask() == b"HTTP/1.1 401 Unauthorized"
        client.close()
        process.send_signal(signal.SIGHUP)

        assert "certificate_not_current" in read_line(process, "expired")
        read_line(process, "reloaded")
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


# --- as openssl sees it


@pytest.fixture(scope="module")
def unchanging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("tls")
    renew(directory)
    with running(config_of(directory, listen=LISTEN)) as gateway:
        yield gateway


def s_client(gateway: Running, *options: str, typed: bytes = b"") -> str:
    """Return all that ``openssl s_client`` says of a connection.

    Where something is *typed*, nothing follows it, and the other side has to end the connection.
    """
    host, port = gateway.data
    connect = ["-connect", f"{host}:{port}", "-servername", "gateway.example"]
    with subprocess.Popen(
        ["openssl", "s_client", *connect, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(LIMIT_SECONDS, process.kill)
        watchdog.start()
        if typed:
            process.stdin.write(typed)
            process.stdin.flush()
        else:
            process.stdin.close()
        said = process.stdout.read().decode("utf-8", "replace")
        watchdog.cancel()
    return said


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("-tls1_3", "-alpn", "http/1.1"), "ALPN protocol: http/1.1"),
        (("-tls1_3", "-alpn", "h2,http/1.1"), "ALPN protocol: h2"),
        (("-tls1_2", "-alpn", "h2"), "ALPN protocol: h2"),
        (("-tls1_3", "-alpn", "h3"), "alert no application protocol"),  # RFC 7301 §3.2
        (("-tls1_2", "-alpn", "h3"), "alert no application protocol"),
        (("-tls1_2",), "Cipher    : ECDHE-ECDSA-"),
        (("-tls1_2",), "Secure Renegotiation IS supported"),  # RFC 5746: told, and never done
        (("-tls1_2",), "Compression: NONE"),
        (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "alert protocol version"),
        (("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"), "alert handshake failure"),
        (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"), "alert handshake failure"),
    ],
)
def test_openssl_finds_modern_tls_and_no_other(
    options: tuple[str, ...], expected: str, unchanging: Running
) -> None:
    assert expected in s_client(unchanging, *options)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_client_that_begins_anew_in_the_middle_is_refused(unchanging: Running) -> None:
    """CVE-2011-1473: each new handshake costs the server many times what it costs the client."""
    said = s_client(unchanging, "-tls1_2", "-legacy_renegotiation", typed=b"R\n")

    assert "RENEGOTIATING" in said
    assert "no renegotiation" in said
