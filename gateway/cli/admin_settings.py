"""Read the address and the token of the admin port from a configuration, and nothing else.

A fault elsewhere in the file, which the running gateway rejected, never makes it look unhealthy.
"""

from collections.abc import Mapping
from pathlib import Path

from gateway.cli.stdin_file import StdinDisk, file_or_stdin
from gateway.settings.text.fault import Fault
from gateway.settings.text.files import UnreadableError, read_sources
from gateway.settings.values.addresses import parse_address
from gateway.settings.values.configuration import Address

__all__ = ["UnreadableError", "admin_address", "admin_token", "default_config"]

_DEFAULT_FILE = "config/gateway.yaml"
_DEFAULT_ADDRESS = "127.0.0.1:9901"

# A server may listen on every address, but a client connects to one.
_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not listened on


def default_config(environ: Mapping[str, str]) -> Path:
    """Return the configuration file of a command that was given none."""
    return Path(environ.get("GATEWAY_CONFIG") or _DEFAULT_FILE)


def admin_address(path: Path, environ: Mapping[str, str]) -> Address | str:
    """Return where to reach the admin port of the gateway that runs on *path*, or why not.

    Raise UnreadableError.
    """
    path = file_or_stdin(path, "the configuration")
    faults: list[Fault] = []
    document = read_sources(path, environ, faults, StdinDisk()).main.document
    if not document.complete:
        return str(document.faults[0])
    if not isinstance(document.root, dict):
        return f"{path} is not a configuration: it holds no keys"
    return _read_admin(document.root.get("admin", _DEFAULT_ADDRESS), path)


def admin_token(path: Path, environ: Mapping[str, str]) -> str | None:
    """Return the token of the admin port; None if it requires none.

    Raise UnreadableError.
    """
    path = file_or_stdin(path, "the configuration")
    main = read_sources(path, environ, [], StdinDisk()).main
    root = main.document.root
    admin = root.get("admin") if isinstance(root, dict) else None
    name = admin.get("token_env") if isinstance(admin, dict) else None
    if isinstance(name, str):
        return environ.get(name)
    file = admin.get("token_file") if isinstance(admin, dict) else None
    return _read_token(main.directory / file) if isinstance(file, str) else None


def _read_token(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError) as error:  # a name with a NUL, and bytes that are no text
        reason = getattr(error, "strerror", None) or "not the name of a text file"
        raise UnreadableError(path, reason.lower()) from None


def _read_admin(admin: object, path: Path) -> Address | str:
    if admin is False or admin == "false":  # the latter from a variable
        return f"{path} turns the admin port off"
    text = admin.get("address", _DEFAULT_ADDRESS) if isinstance(admin, dict) else admin
    address = parse_address(text) if isinstance(text, str) else "not an address"
    if isinstance(address, str):
        return f"admin in {path} is {address}"
    if address.port == 0:
        return f"admin in {path} has port 0, which is a random port: pass the URL of the real one"
    return Address(_REACHED_AT.get(address.host, address.host), address.port)
