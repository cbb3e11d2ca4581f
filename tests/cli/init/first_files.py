"""Issuers, tokens and the command for tests of `gateway init`."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from gateway.cli.main import command
from tests.cli.config_files import run
from tests.cli.peers import http_peer
from tests.keyring.keys import ec_jwk

UPSTREAM = "http://127.0.0.1:9001"


@contextmanager
def issuer_peer(slash: str = "", *keys: Mapping[str, object]) -> Iterator[str]:
    """Serve metadata and *keys* of one issuer; yield its URL without the *slash* at the end."""
    body = {
        "issuer": f"http://self{slash}",
        "jwks_uri": "http://self/jwks",
        "keys": list(keys) or [ec_jwk(kid="e")],
    }
    with http_peer(json.dumps(body).encode()) as url:
        yield url


def token(claims: Mapping[str, object], **header: object) -> str:
    """Return a token with *claims* that nobody has signed."""
    parts: list[object] = [{"alg": "ES256", "typ": "JWT", **header}, claims]
    texts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*texts, urlsafe_b64encode(b"s" * 64).rstrip(b"=").decode()])


def init(issuer: str, *options: str | Path, stdin: str = "") -> Result:
    """Run ``gateway init`` for *issuer* in front of a service on loopback."""
    words = ["init", "--issuer", issuer, "--upstream", UPSTREAM, *map(str, options)]
    return CliRunner().invoke(command, words, input=stdin, prog_name="gateway")


def assert_sound(folder: Path) -> None:
    """Assert that the files in *folder* pass `check --strict` and `test`."""
    checked = run("check", "--strict", folder / "gateway.yaml")
    assert (checked.exit_code, checked.stderr) == (0, ""), (folder / "gateway.yaml").read_text()
    tested = run("test", "--config", folder / "gateway.yaml")
    assert (tested.exit_code, tested.stderr) == (0, ""), tested.stdout
