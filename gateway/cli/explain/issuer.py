"""Show the settings of an issuer, with those that its preset stands for."""

import json
from pathlib import Path
from typing import Any

import click
import yaml

from gateway.cli.config_file import find_config, load_or_exit
from gateway.cli.output import escape
from gateway.lints.secrets import find_secrets
from gateway.settings.text.document import Part
from gateway.settings.text.suggestions import did_you_mean

_HIDDEN = "(hidden)"
_PRESET = "preset"


def show_issuer(name: str, config: Path | None, form: str) -> None:
    """Print the YAML that the issuer *name* stands for; values of `${…}` are never shown."""
    loaded = load_or_exit(find_config(None, config), warns=False)
    issuers = loaded.settings.issuers
    if name not in issuers:
        known = f"; there are {', '.join(issuers)}" if issuers else ""
        meant = did_you_mean(name, issuers) or known
        raise click.UsageError(f"--issuer: the configuration has no issuer `{name}`{meant}")
    part = loaded.places.issuer(name)
    preset, settings = part.child(_PRESET), _shown(part)
    place = part.document.key_place(preset.path)
    by_preset = [key for key in settings if part.document.key_place(part.child(key).path) == place]
    if form == "json":
        where = f"{place.file}:{place.line}" if by_preset else None
        members = {"issuer": name, "preset": by_preset, "place": where, "settings": settings}
        click.echo(json.dumps(members, indent=2))
        return
    lines = ["issuers:", f"  {name}:"]
    if by_preset:
        lines.append(f"    # from the preset, {place.file}:{place.line}")
    lines += _written({key: settings[key] for key in by_preset})
    rest = {key: value for key, value in settings.items() if key not in by_preset}
    if by_preset and rest:
        lines.append("    # written beside it")
    lines += _written(rest)
    click.echo("\n".join(map(escape, lines)))


def _written(settings: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for key, value in settings.items():
        # One line for a list of texts, and for a plain value not a mapping in braces.
        style = None if isinstance(value, dict | list) else False
        text = yaml.safe_dump(
            {key: value}, sort_keys=False, default_flow_style=style, width=1000, allow_unicode=True
        )
        lines += (f"    {line}" for line in text.splitlines())
    return lines


def _shown(part: Part) -> Any:
    """Return the value of *part* as it is written, without secrets."""
    raw = part.raw
    if isinstance(raw, dict):
        return {key: _shown(part.child(key)) for key in raw}
    if isinstance(raw, list):
        return [_shown(part.child(index)) for index in range(len(raw))]
    if not isinstance(raw, str):
        return raw
    key = str(part.path[-1])
    text = part.document.text_at(part.path, raw)
    if text == raw and (key.endswith("secret") or any(find_secrets(f"{key}: {raw}"))):
        return _HIDDEN
    return text.replace("${", "$${") if text == raw else text
