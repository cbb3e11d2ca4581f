"""A visit to the demo: with all of its parts, and with some of them gone."""

import dataclasses
import socket

from gateway.cli.demo.exchanges import all_as_expected
from gateway.cli.demo.parts import Ports, demo_running
from gateway.cli.demo.visit import visit
from gateway.settings.values.configuration import AccessLogTarget


async def test_somebody_logs_in_calls_the_api_and_logs_out() -> None:
    async with demo_running(Ports(), AccessLogTarget.NONE) as demo:
        rows = await visit(demo)

    assert [row.got for row in rows] == [row.expected for row in rows]
    assert {"200 at /app/", "403 csrf_refused", "401 login_required"} <= {row.got for row in rows}


async def test_a_demo_that_is_not_there_is_an_outcome() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound but not listening: nobody else gets the port
        gone = f"http://127.0.0.1:{bound.getsockname()[1]}"
        async with demo_running(Ports(), AccessLogTarget.NONE) as demo:
            rows = await visit(dataclasses.replace(demo, site=gone))
            others = await visit(dataclasses.replace(demo, issuer=gone))

    assert rows[-1].got.startswith("no response")
    assert not all_as_expected(rows)
    assert others[-1].got.startswith("no response")
    assert len(others) > 1  # what was done before is shown, too
