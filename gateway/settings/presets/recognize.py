"""Recognise the vendor of an issuer by its URL."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from gateway.settings.presets.preset import Preset
from gateway.settings.presets.vendors import PRESETS
from gateway.settings.text.yaml_nodes import parse_yaml

# Where issuers of vendors are whose URLs have nothing else of their own.
_HOSTS: Final = {
    "auth0": r"https://[^/]+\.auth0\.com/",
    "okta": r"https://[^/]+\.(okta|oktapreview|okta-emea)\.com/",
    "zitadel": r"https://[^/]+\.zitadel\.cloud",
}

_PLACEHOLDER = re.compile(r"<(\w+)>")
_GROUP_NAME = re.compile(r"\?P<\w+>")


class Recognized(NamedTuple):
    """A vendor's *preset*, and the *values* of those of its parameters that the URL has."""

    preset: Preset
    values: Mapping[str, str]


def recognize(url: str) -> Recognized | None:
    """Return the preset for the issuer at *url*; None if no vendor is known by it."""
    for preset in PRESETS.values():
        host = _HOSTS.get(preset.name)
        if host is not None and re.match(host, url) is None:
            continue
        for issuer in _issuers(preset):
            found = re.fullmatch(_pattern(issuer, preset), url)
            if found is not None:
                values = {name: value for name, value in found.groupdict().items() if value}
                return Recognized(preset, values)
    return None


def _issuers(preset: Preset) -> list[str]:
    root = parse_yaml(preset.settings.encode(), f"preset {preset.name}", {}).root
    settings = root if isinstance(root, dict) else {}
    also = settings.get("also_issued_as", [])
    return [text for text in (settings.get("issuer"), *also) if isinstance(text, str)]


def _pattern(issuer: str, preset: Preset) -> str:
    parameters = {one.name: one.pattern.pattern for one in preset.parameters}
    parts = _PLACEHOLDER.split(issuer)
    for at in range(1, len(parts), 2):
        name = parts[at]
        inner = _GROUP_NAME.sub("?:", parameters.get(name, r"[^/]+"))
        parts[at] = f"(?P<{name}>{inner})" if name in parameters else f"(?:{inner})"
    parts[::2] = map(re.escape, parts[::2])
    return "".join(parts)
