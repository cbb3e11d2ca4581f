"""A request by session costs little more than one with a token: counted, not timed."""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

from tests.proxy.fake_logins import HOST, running_logins
from tests.proxy.gateways import bearer
from tests.proxy.messages import make_answer, make_request, read_answer
from tests.proxy.service import Service, serve
from tests.proxy.wire import Wire

BROWSER = (
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
    b"Accept: application/json",
    b"Accept-Encoding: gzip",
    b"Sec-Fetch-Mode: cors",
    b"Sec-Fetch-Dest: empty",
    b"Sec-Fetch-Site: same-origin",
    b"X-CSRF: 1",
)
WARM_AFTER, ASKED = 6, 12  # one in eight requests is measured, which costs a little


class Opcodes:
    """Counts what the gateway's own code executes."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        if "/gateway/" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self.count += event == "opcode"
        return self


async def count_opcodes(wire: Wire, request: bytes) -> int:
    """Return how many one *request* takes that the gateway knows already; the least of many."""
    counts = []
    for number in range(WARM_AFTER + ASKED):
        opcodes, former = Opcodes(), sys.gettrace()
        sys.settrace(opcodes)
        try:
            wire.send(request)
            assert (await read_answer(wire)).status == 200
        finally:
            sys.settrace(former)
        if number >= WARM_AFTER:
            counts.append(opcodes.count)
    return min(counts)


async def test_a_session_costs_at_most_three_tenths_more_than_a_token(
    service: Service, tmp_path: Path
) -> None:
    service.script = serve(make_answer(b"hello"))
    async with running_logins(tmp_path, [service.url]) as world:
        cookie = world.logins.begin("s" * 43)
        wire = await world.gateway.connect()

        token = await count_opcodes(wire, make_request("/app/x", bearer(), *BROWSER, host=HOST))
        session = await count_opcodes(wire, make_request("/app/x", cookie, *BROWSER, host=HOST))

    assert token > 1000
    assert session <= 1.3 * token
