"""A limit that is less than the number of workers is exceeded by them, and that is said."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, warnings
from tests.settings.configs import config

ROUTE = (
    "routes:\n  - {name: orders, match: {path_prefix: /orders/}, upstream: orders, require: {},"
    " limits: {requests: %s}}\n"
)
UPSTREAM = "upstreams:\n  orders: {servers: ['http://127.0.0.1:9000'], %s}\n"


@pytest.mark.parametrize("number", ["¦3", "¦1"])
def test_one_that_is_less_than_the_workers_is_doubtful(number: str, tmp_path: Path) -> None:
    for text in (
        config(f"workers: 4\nlimits: {{connections: {number}}}\n"),
        config(f"workers: 4\nlimits: {{requests: {number}}}\n"),
        config("workers: 4\n", routes=ROUTE % number),
        config("workers: 4\n", upstreams=UPSTREAM % f"max_connections: {number}"),
        config(
            "workers: 4\n", upstreams=UPSTREAM % f"max_connections: 4, queue: {{size: {number}}}"
        ),
    ):
        assert_warned(tmp_path, "limit_below_workers", text)


def test_what_it_comes_to_is_said(tmp_path: Path) -> None:
    [fault] = warnings(tmp_path, config("workers: 4\nlimits: {requests: 2}\n"))

    assert fault.message == "each of the 4 workers gets at least one: 4 in total"


@pytest.mark.parametrize(
    "text",
    [
        config("workers: 4\nlimits: {requests: 4, connections: 4}\n"),
        config("limits: {requests: 1}\n"),
        config("workers: auto\nlimits: {requests: 1}\n"),
        config("workers: 4\n", routes=ROUTE % 4),
    ],
)
def test_others_are_no_doubt(text: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, text) == ()
