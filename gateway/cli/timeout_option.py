"""Ask how long to wait for the admin port."""

import math
from collections.abc import Callable
from typing import Any

import click

_MAX_TIMEOUT_SECONDS = 3600.0


def timeout_option(default_seconds: float, words: str) -> Callable[..., Any]:
    """Give a verb ``--timeout`` as its argument ``timeout_seconds``; *words* are its help."""
    return click.option(
        "--timeout",
        "timeout_seconds",
        type=click.FloatRange(min=0, min_open=True, max=_MAX_TIMEOUT_SECONDS),
        callback=_refuse_nan,
        default=default_seconds,
        show_default=True,
        metavar="SECONDS",
        help=words,
    )


def _refuse_nan(_ctx: click.Context, _option: click.Parameter, seconds: float) -> float:
    # Not a number is in every range, for no comparison with it holds.
    if math.isnan(seconds):
        raise click.BadParameter("not a number of seconds")
    return seconds
