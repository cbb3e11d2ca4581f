"""`gateway check --online`: what a configuration names is tried.

The installed command is run where its environment or its process could make a difference.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.cli.check.online import find_online
from tests.certificates import AUTHORITY, self_signed, serving
from tests.cli.config_files import run_in
from tests.cli.peers import closed_port, http_peer, silent_peer
from tests.cli.test_installed_command import gateway
from tests.keyring.keys import ec_jwk, jwks, rsa_jwk
from tests.lints.warned import loaded
from tests.settings.configs import marked


def config(
    source: str = "jwks_url: KEYS",
    server: str = "SERVICE",
    list_source: str = "url: LIST",
    issuer: str = "https://login.example.com/",
) -> str:
    """Return a configuration that names peers by words in capitals."""
    return f"""\
version: 1
issuers:
  main: {{issuer: "{issuer}", audiences: [orders], algorithms: [ES256], {source}}}
revocations:
  blocked: {{{list_source}}}
upstreams:
  orders: {{connect_timeout: 500ms, servers: [{server}]}}
routes:
  - {{name: orders, match: {{path_prefix: /orders/}}, upstream: orders, require: {{}}}}
"""


@pytest.fixture(scope="module")
def peers() -> Iterator[dict[str, str]]:
    """Run what the configurations name; yield the address of each."""
    with ExitStack() as stack:

        def serve(body: bytes, status: int = 200) -> str:
            return stack.enter_context(http_peer(body, status))

        trusted = serving(AUTHORITY.issue_cert("127.0.0.1"))
        yield {
            "KEYS": serve(jwks(rsa_jwk(kid="r"), ec_jwk(kid="e"))),
            "RSA": serve(jwks(rsa_jwk(kid="r"))),
            "UNUSABLE": serve(jwks(ec_jwk(use="enc"))),
            "EMPTY": serve(jwks()),
            "LIST": serve(b'{"revoked": [{"jti": "a"}]}'),
            "HTML": serve(b"<html>"),
            "BROKEN": serve(b"", 503),
            "SERVICE": serve(b""),
            "STRANGER": stack.enter_context(http_peer(b"", tls=serving(self_signed()))),
            "FRIEND": stack.enter_context(http_peer(b"", tls=trusted)),
            "SILENT": stack.enter_context(silent_peer()),
            "CLOSED": f"127.0.0.1:{closed_port()}",
        }


def named(text: str, peers: dict[str, str]) -> str:
    return re.sub("[A-Z]{3,}", lambda word: peers.get(word[0], word[0]), text)


def check(
    directory: Path, text: str, *options: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Check *text* in this process, or with *env* by the installed command."""
    (directory / "gateway.yaml").write_text(text)
    arguments = ("check", "gateway.yaml", *options)
    if env is not None:
        return gateway(*arguments, directory=directory, env=env)
    done = run_in(directory, *arguments)
    stdout, stderr = done.stdout.encode(), done.stderr.encode()
    return subprocess.CompletedProcess(arguments, done.returncode, stdout, stderr)


def test_where_everything_answers_the_file_is_valid(peers: dict[str, str], tmp_path: Path) -> None:
    done = check(tmp_path, named(config(), peers), "--online", env={})

    assert (done.returncode, done.stdout) == (0, b"gateway.yaml: valid\n")
    assert done.stderr == b""


def test_without_the_option_nothing_is_tried(peers: dict[str, str], tmp_path: Path) -> None:
    nobody = config("jwks_url: 'http://CLOSED/'", "http://CLOSED", "url: 'http://CLOSED/'")

    done = check(tmp_path, named(nobody, peers))

    assert (done.returncode, done.stdout) == (0, b"gateway.yaml: valid\n")


# What is named, with a mark where the error stands; its code and that of the exit, which is 3
# where the file may be right all the same.
CASES = {
    "nobody at the issuer": (config("jwks_url: ¦'http://CLOSED/'"), "keys_unavailable", 3),
    "an issuer that answers 503": (config("jwks_url: ¦BROKEN"), "keys_unavailable", 3),
    "a page in place of keys": (config("jwks_url: ¦HTML"), "keys_unavailable", 3),
    "no metadata": (config("discovery: ¦true", issuer="BROKEN"), "keys_unavailable", 3),
    "an empty key set": (config("jwks_url: ¦EMPTY"), "keys_unusable", 1),
    "no usable key": (config("jwks_url: ¦UNUSABLE"), "keys_unusable", 1),
    "no key for the algorithms": (config("jwks_url: ¦RSA"), "keys_unusable", 1),
    "a file without keys": (config("jwks_file: ¦gateway.yaml"), "keys_unusable", 1),
    "nobody at the list": (
        config(list_source="url: ¦'http://CLOSED/'"), "revocations_unavailable", 3,
    ),
    "a page in place of a list": (
        config(list_source="url: ¦HTML"), "revocations_unavailable", 3,
    ),
    "a file without a list": (
        config(list_source="file: ¦gateway.yaml"), "revocations_unusable", 1,
    ),
    "nobody at the service": (config(server="¦'http://CLOSED'"), "upstream_unreachable", 3),
    "nobody at one of two": (
        config(server="SERVICE, ¦'http://CLOSED'"), "upstream_unreachable", 3,
    ),
    "a service that is not well": (
        config(server="¦'SERVICE'], health: {path: /, statuses: [204]}, failure_statuses: [500"),
        "upstream_unhealthy", 3,
    ),
    "a silent service": (config(server="¦'https://SILENT'"), "upstream_unreachable", 3),
    "a service that vouches for itself": (config(server="¦STRANGER"), "upstream_untrusted", 3),
    "a service without TLS": (
        config(server="¦TLS").replace("TLS", "'https://SERVICE'"), "upstream_untrusted", 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_used_is_an_error_where_it_is_named(
    name: str, peers: dict[str, str], tmp_path: Path
) -> None:
    marks, fault_code, exit_code = CASES[name]
    bare = {**peers, "SERVICE": peers["SERVICE"].removeprefix("http://")}
    text, places = marked(named(marks, bare if "https://SERVICE" in marks else peers))

    done = check(tmp_path, text, "--online", "--format", "json")

    answer = json.loads(done.stdout)
    [fault] = answer["faults"]
    assert (fault["line"], fault["column"], fault["code"]) == (*places[0], fault_code)
    assert (done.returncode, answer["valid"], fault["severity"]) == (exit_code, True, "error")
    assert done.stderr == b""


def test_the_error_says_what_is_wrong(peers: dict[str, str], tmp_path: Path) -> None:
    text = named(config("jwks_url: UNUSABLE", "STRANGER", "url: HTML"), peers)

    done = check(tmp_path, text, "--online")

    assert [line.split(": ", 2)[2] for line in done.stderr.decode().splitlines()[:3]] == [
        "no usable key (key 0: use is not sig)",
        f"{peers['HTML']}: not valid JSON",
        "its certificate is not trusted (self-signed certificate)",
    ]
    assert done.stderr.endswith(b"gateway.yaml: valid, 3 errors online\n")
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_file_at_fault_ends_with_1_whatever_else_there_is(
    peers: dict[str, str], tmp_path: Path
) -> None:
    """A warning counts where it is asked to; then there is something to mend in the file."""
    nobody = named(config(server="http://CLOSED"), peers)
    doubtful = nobody + "admin: 0.0.0.0:9901\n"
    invalid = nobody + "listn: 0.0.0.0:80\n"

    codes = [
        check(tmp_path, text, "--online", *options).returncode
        for text, options in [
            (doubtful, []),
            (doubtful, ["--strict"]),
            (invalid, []),
        ]
    ]

    assert codes == [3, 1, 1]


def test_a_file_that_does_not_hold_is_not_tried(peers: dict[str, str], tmp_path: Path) -> None:
    invalid = named(config(server="http://CLOSED"), peers) + "listn: 0.0.0.0:80\n"

    done = check(tmp_path, invalid, "--online", "--format", "json")

    assert [fault["code"] for fault in json.loads(done.stdout)["faults"]] == ["unknown_key"]


def test_the_machine_says_whom_to_trust(peers: dict[str, str], tmp_path: Path) -> None:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    text = named(config(server="FRIEND"), peers)

    codes = [
        check(tmp_path, text, "--online", env=env).returncode
        for env in ({}, {"SSL_CERT_FILE": str(tmp_path / "authority.pem")})
    ]

    assert codes == [3, 0]


def test_an_address_from_the_environment_is_not_repeated(
    peers: dict[str, str], tmp_path: Path
) -> None:
    text = named(config(), peers).replace(peers["KEYS"], "'${KEYS_URL}'")
    secret = f"{peers['BROKEN']}/s3cret-path"

    done = check(tmp_path, text, "--online", env={"KEYS_URL": secret})

    assert done.returncode == 3
    assert b"s3cret" not in done.stdout + done.stderr


async def test_what_there_was_no_time_for_is_told(peers: dict[str, str], tmp_path: Path) -> None:
    """Even what waits for its turn behind hundreds that hang."""
    line = f"{{connect_timeout: 1h, servers: ['https://{peers['SILENT']}']}}"
    hanging = "".join(f"  s{number}: {line}\n" for number in range(250))
    text = named(config(), peers).replace("upstreams:\n", f"upstreams:\n{hanging}")
    one = loaded(tmp_path, text)

    found = await find_online(one.settings, one.places, limit_seconds=0.1)

    first = text[: text.index(hanging)].count("\n") + 1
    told = [fault for fault in found if first <= fault.place.line < first + 250]
    assert len(told) == 250
    assert {(fault.code.value, fault.message) for fault in told} == {
        ("upstream_unreachable", "no response before the time limit of the check")
    }


def test_a_service_is_dialled_as_its_upstream_says(peers: dict[str, str], tmp_path: Path) -> None:
    """By the authority that it names, and for the name that it names."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")

    def checked(tls: str) -> subprocess.CompletedProcess[bytes]:
        text = config(server="FRIEND").replace("[FRIEND]", f"[FRIEND], tls: {tls}")
        return check(tmp_path, named(text, peers), "--online")

    trusted = checked("{ca: ca.pem}")
    misnamed = checked("{ca: ca.pem, server_name: orders.internal}")

    assert (trusted.returncode, trusted.stdout) == (0, b"gateway.yaml: valid\n")
    assert misnamed.returncode == 3
    assert (
        b"upstream_untrusted: its certificate is not trusted (Hostname mismatch" in misnamed.stderr
    )
