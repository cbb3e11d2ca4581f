"""Configurations to compare with descriptions."""

import tempfile
from pathlib import Path

from gateway.settings.load import Loaded, load_settings

HEAD = """\
version: 1
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}
upstreams:
  api: {servers: ["http://10.0.0.7:8000"]}
"""


def text_of(*routes: str, more: str = "") -> str:
    """Return a configuration with *routes*, each a table on one line."""
    lines = routes or ("{name: all, match: {path_prefix: /}, upstream: api, require: {}}",)
    return HEAD + more + "routes:\n" + "".join(f"  - {line}\n" for line in lines)


def load(*routes: str, more: str = "") -> Loaded:
    """Return the configuration with *routes*, which must be valid."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.yaml"
        path.write_text(text_of(*routes, more=more))
        loaded = load_settings(path, {})
    assert isinstance(loaded, Loaded), loaded.faults
    return loaded
