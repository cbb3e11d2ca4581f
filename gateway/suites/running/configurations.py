"""Load the configurations under test, each of them once."""

import os
from collections.abc import Mapping
from pathlib import Path

from gateway.settings.load import Loaded, Rejected, load_settings


class Configurations:
    """What was loaded so far; *environ* is the environment of the run."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._loaded: dict[tuple[str, tuple[tuple[str, str], ...]], Loaded | Rejected] = {}

    def load(self, path: Path, environment: Mapping[str, str]) -> Loaded | Rejected:
        """Return the configuration at *path*, with *environment* set on top of the run's own.

        Raises UnreadableError.
        """
        key = os.path.realpath(path), tuple(sorted(environment.items()))
        known = self._loaded.get(key)
        if known is None:
            known = load_settings(path, {**self._environ, **environment})
            self._loaded[key] = known
        return known
