"""Rows about the commands that people wait for."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.row import Bench, Outcome, Row, Target

_ROOT = Path(__file__).parents[1]
_ESTATE = _ROOT / "config" / "estate"
_COMMAND = Path(sys.executable).with_name("gateway")
_LIMIT_SECONDS = 60
_MANY = 10_000


def verbs(bench: Bench) -> Outcome:
    """Run each command as a user does, including its start, and take the median of all rounds."""
    many = bench.folder / "many.yaml"
    many.write_text(json.dumps(_many_routes()))
    runs: Mapping[str, Sequence[str | Path]] = {
        "check": ("check", _ESTATE / "gateway.yaml"),
        "test": ("test", _ESTATE),
        "test --hostile": ("test", _ESTATE, "--hostile"),
        "diff": ("diff", _ESTATE / "gateway.yaml", _ESTATE / "gateway.yaml"),
        "check, 10,000 routes": ("check", many),
    }
    figures, missing = {}, {}
    for name, arguments in runs.items():
        taken = [_seconds(arguments) for _ in range(bench.rounds)]
        good = [seconds for seconds in taken if seconds is not None]
        if len(good) == len(taken):
            figures[name] = median(good)
        else:
            missing[name] = "it did not end with 0"
    return Outcome(figures, missing)


def _seconds(arguments: Sequence[str | Path]) -> float | None:
    began = perf_counter()
    ended = subprocess.run(
        [_COMMAND, *arguments], capture_output=True, timeout=_LIMIT_SECONDS, check=False
    )
    return perf_counter() - began if ended.returncode == 0 else None


def _many_routes() -> Mapping[str, object]:
    routes = [
        {
            "name": f"route-{number}",
            "match": {"path": f"/part-{number % 100}/{{tenant}}/thing-{number}"},
            "upstream": "main",
            "require": {
                "scopes": [f"part-{number % 100}:read"],
                "claims": {"tenant": {"equals": "{path.tenant}"}},
            },
        }
        for number in range(_MANY)
    ]
    issuer = {
        "issuer": "https://login.example.com/",
        "discovery": True,
        "audiences": ["api"],
    }
    return {
        "version": 1,
        "issuers": {"main": issuer},
        "upstreams": {"main": {"servers": ["http://127.0.0.1:9001"]}},
        "routes": routes,
    }


ROWS = (
    Row(
        "verbs",
        "verbs on the example estate, and on 10,000 routes, start-up included",
        "s",
        (
            Target("bar", "≤", 1, of="check"),
            Target("bar", "≤", 1, of="test"),
            Target("bar", "≤", 10, of="check, 10,000 routes"),
        ),
        verbs,
    ),
)
