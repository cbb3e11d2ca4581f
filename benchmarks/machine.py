"""Describe the machine and the versions that the figures are from."""

import os
import platform
import re
import subprocess
from pathlib import Path

import gateway
from benchmarks.peers import ENVOY

# Each prints its version and exits; the first number after the name is the version.
PROGRAMS = {
    "Envoy": [str(ENVOY), "--version"],
    "HAProxy": ["haproxy", "-v"],
    "nginx": ["nginx", "-v"],
    "Apache": ["apache2", "-v"],
    "mod_auth_openidc": ["dpkg-query", "--show", "libapache2-mod-auth-openidc"],
    "wrk": ["wrk", "-v"],
    "h2load": ["h2load", "--version"],
    "nghttpx": ["nghttpx", "--version"],
}
PROCESSOR = re.compile(r"^model name\s*: (.*)$", re.MULTILINE)
VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")


def describe_machine() -> str:
    """Return one line: processor, cores, kernel, Python."""
    processor = PROCESSOR.search(Path("/proc/cpuinfo").read_text())
    name = processor[1].strip() if processor else platform.machine()
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return (
        f"{name}, {os.cpu_count()} cores, {system}, Linux {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def describe_versions() -> str:
    """Return one line: the versions of the gateway and of every other program."""
    versions = {"gateway": gateway.__version__} | {
        name: _version(command) for name, command in PROGRAMS.items()
    }
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _version(command: list[str]) -> str:
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    try:
        said = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
            env=os.environ | {"PATH": path},
        )
    except OSError:
        return "absent"
    found = VERSION.search(said.stdout + said.stderr)
    return found[0] if found else "of unknown version"
