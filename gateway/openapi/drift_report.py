"""Write the drift between a description and a configuration: text, JSON, GitHub annotations."""

import json
from collections.abc import Iterator
from typing import Any

from gateway.openapi.drift import Drift, Finding
from gateway.settings.text.fault import Place
from gateway.settings.text.fault_formats import annotate
from gateway.suites.differences.facet import Kind

_HEADS = {
    Kind.OPENED: "opened: the gateway lets in what the description does not",
    Kind.CLOSED: "closed: the gateway refuses what the description lets in",
    None: "undecided: not compared, so that nobody knows",
}


def format_drift(drift: Drift) -> Iterator[str]:
    """Yield lines for people: each kind with its findings, then notes and a summary."""
    for kind, head in _HEADS.items():
        found = [one for one in drift.findings if one.kind is kind]
        if found:
            yield head
        for one in found:
            yield from _finding(one)
    for note in drift.notes:
        yield f"note: {note}"
    yield format_summary(drift)


def _finding(one: Finding) -> Iterator[str]:
    yield f"  {one.what.value}: {one.subject}"
    yield f"    - {_show(one.described_at)}: {one.described}"
    yield f"    + {_show(one.configured_at)}: {one.configured}"
    if one.request:
        yield f"    for example {one.request}"
    if one.caller and one.kind is not None:
        side = "the gateway" if one.kind is Kind.OPENED else "the description"
        yield f"    only {side} lets in: {one.caller}"
    elif one.caller:
        yield f"    {one.caller}"


def format_summary(drift: Drift) -> str:
    """Return one line that says how much was compared, and how much differs."""
    compared = f"{drift.operations} operations, {drift.routes} routes"
    if not drift.findings:
        return f"no difference ({compared})"
    counts = [
        f"{number} {'undecided' if kind is None else kind.value}"
        for kind in _HEADS
        if (number := sum(one.kind is kind for one in drift.findings))
    ]
    return f"{', '.join(counts)} ({compared})"


def format_drift_json(drift: Drift) -> str:
    """Return one object: ``findings``, ``notes`` and what was ``compared``."""
    whole = {
        "findings": [_as_json(one) for one in drift.findings],
        "notes": list(drift.notes),
        "compared": {"operations": drift.operations, "routes": drift.routes},
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _as_json(one: Finding) -> dict[str, Any]:
    return {
        "what": one.what.value,
        "kind": None if one.kind is None else one.kind.value,
        "subject": one.subject,
        "request": one.request or None,
        "caller": one.caller or None,
        "described": {"text": one.described, **one.described_at._asdict()},
        "configured": {"text": one.configured, **one.configured_at._asdict()},
    }


def format_drift_github(drift: Drift) -> Iterator[str]:
    """Yield an annotation for each finding, at its line of the configuration."""
    for one in drift.findings:
        level = "warning" if one.kind is Kind.CLOSED else "error"
        text = (
            f"{one.subject}: {one.configured}, but {_show(one.described_at)} says: {one.described}"
        )
        yield annotate(level, one.configured_at, f"drift {one.what.value}", text)


def _show(place: Place) -> str:
    return f"{place.file}:{place.line}"
