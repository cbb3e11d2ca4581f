"""Load a configuration that is still in memory, as a gateway would load it."""

from pathlib import Path

from gateway.lints.lint import lint
from gateway.settings.load import Loaded, Rejected, load_settings
from gateway.settings.text.fault import Fault

CONFIG_NAME = "gateway.yaml"
SUITE_NAME = "access.test.yaml"


class _InMemory:
    """A disk with a configuration, and the suite beside it."""

    def __init__(self, text: str) -> None:
        self._content = text.encode()

    def read(self, path: Path, most_bytes: int) -> bytes:
        """Return the content of the configuration; the suite is not written yet."""
        if path.name == SUITE_NAME:
            return b""
        if path.name != CONFIG_NAME:
            raise FileNotFoundError(str(path))
        return self._content[:most_bytes]

    def find(self, pattern: str) -> tuple[Path, ...]:
        """Return the file of this name."""
        return (Path(pattern),)

    def resolve(self, path: Path) -> Path:
        """Return *path*; there are no links."""
        return path

    def is_readable(self, path: Path) -> bool:
        """Return whether there is such a file."""
        return path.name in {CONFIG_NAME, SUITE_NAME}


def load_draft(text: str) -> Loaded | Rejected:
    """Return the configuration in *text*, or its faults."""
    return load_settings(Path(CONFIG_NAME), {}, _InMemory(text))


def find_warnings(loaded: Loaded, now: float) -> tuple[Fault, ...]:
    """Return all warnings of `gateway check` about *loaded* at *now*."""
    return tuple(lint(loaded, now).warnings)
