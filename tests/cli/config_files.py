"""Configurations as files, and the command line to run on them."""

import subprocess
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner, Result

from gateway.cli.main import command

VALID = """\
version: 1
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}
upstreams:
  orders: {servers: ["http://10.0.0.7:8000"]}
routes:
  - {name: all, match: {path_prefix: /}, upstream: orders, require: {}}
  - {name: health, match: {path: /healthz}, upstream: orders, public: true}
"""
INVALID = VALID + "listn: 0.0.0.0:80\ndrain: soon\n"


def write_config(directory: Path, text: str = VALID) -> Path:
    """Return a file in *directory* that holds *text*."""
    path = directory / "gateway.yaml"
    path.write_text(text)
    return path


def run(*arguments: str | Path, env: Mapping[str, str | None] | None = None) -> Result:
    """Return what ``gateway`` answers to *arguments*."""
    return CliRunner(env={"GATEWAY_CONFIG": None, **(env or {})}).invoke(
        command, [str(argument) for argument in arguments], prog_name="gateway"
    )


def run_in(
    directory: Path, *arguments: str | Path, env: Mapping[str, str | None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Return what ``gateway`` does in *directory*, as a process would, in less than its start."""
    with chdir(directory):
        done = run(*arguments, env=env)
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)
