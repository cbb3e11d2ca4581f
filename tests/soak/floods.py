"""What floods of HTTP/2 cost a gateway in a process of its own: ``python -m tests.soak.floods``.

The tests count what a gateway does (``tests/proxy/h2/test_floods.py``); this measures processor
time and memory, which say little while other things run.
"""

import asyncio
import ssl
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import uvloop

from tests.certificates import trusting
from tests.proxy.corpus_routes import CORPUS_ROUTES
from tests.proxy.gateways import write_config
from tests.proxy.h2.conftest import listen_with_tls
from tests.proxy.h2.floods import MAX_REQUESTS, Flood, floods, send_flood
from tests.proxy.h2.frames import request_fields
from tests.proxy.h2.wire import Http2Client
from tests.proxy.hostile import HOSTILE_ROUTES
from tests.proxy.http2_services.flooding import send
from tests.proxy.http2_services.service import Call, Http2Service, echo, running_http2_service
from tests.proxy.messages import make_request, read_answer
from tests.proxy.recorder import RecordingService, running_recorder
from tests.proxy.wire import connect
from tests.soak.fleet import resident_bytes
from tests.soak.stage import GatewayProcess

_MAX_CPU_SECONDS: Final = 0.1
_MAX_GROWTH_BYTES: Final = 8 * 1024 * 1024
_END_SECONDS: Final = 10.0

# Processor time is counted in hundredths of a second, and the request behind a flood costs one.
_SLACK_SECONDS: Final = 0.02


async def measure(
    gateway: GatewayProcess,
    service: RecordingService,
    flood: Flood,
    tls: ssl.SSLContext | None = None,
) -> list[str]:
    """Send *flood*; return what it cost too much, after a line that says what it cost."""
    service.begin()
    cpu_seconds, memory = gateway.cpu_seconds, resident_bytes(gateway.pid)
    flooded = await send_flood(gateway.address, flood, turns=1, tls=tls)
    # What the kernel took of it is more than the gateway has read: its end may come a little later.
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await flooded.client.wire.wait_end()
    is_ended = flooded.client.wire.has_ended
    flooded.client.wire.close()
    await flooded.client.wire.wait_lost()
    behind = Http2Client(await connect(gateway.address, tls=tls))
    behind.begin()
    stream = await behind.fetch(request_fields(b"/public/behind", authority=b"fence.test"))
    behind.wire.close()
    cpu_seconds = gateway.cpu_seconds - cpu_seconds
    growth = resident_bytes(gateway.pid) - memory
    seen = [one for one in service.requests if one.all(b"host") != [b"fence.test"]]
    name = f"TLS, {flood.name}" if tls else flood.name
    sys.stdout.write(
        f"{name}: {flooded.sent_bytes} bytes sent, {cpu_seconds:.2f} s, "
        f"{growth / 1024:+.0f} KiB, {len(seen)} requests\n"
    )
    faults = {
        "it is not ended": not is_ended,
        "another client is not served": stream.label != "200",
        f"{cpu_seconds:.2f} s": cpu_seconds > _MAX_CPU_SECONDS + _SLACK_SECONDS,
        f"{growth} bytes": growth > _MAX_GROWTH_BYTES,
        f"{len(seen)} requests": len(seen) > MAX_REQUESTS,
    }
    return [f"{name}: {fault}" for fault, is_so in faults.items() if is_so]


async def measure_all(folder: Path, tls: ssl.SSLContext | None = None) -> list[str]:
    """Send every flood to one gateway; the first of them twice, since it loads what all use."""
    faults: list[str] = []
    changes: dict[str, Any] = {"routes": CORPUS_ROUTES}
    if tls is not None:
        changes["listen"] = listen_with_tls(folder)
    async with running_recorder() as service:
        url = f"http://127.0.0.1:{service.port}"
        config = write_config(folder, [url], changes)
        async with GatewayProcess(config, folder) as gateway:
            await measure(gateway, service, floods()[0], tls)
            for flood in floods():
                faults += await measure(gateway, service, flood, tls)
            faults += [f"on stderr: {line}" for line in gateway.unexpected()]
    return faults


async def measure_answer(gateway: GatewayProcess, service: Http2Service, flood: Flood) -> list[str]:
    """Let the service send *flood*; return what it cost too much, as for clients."""
    service.calls.clear()
    cpu_seconds, memory = gateway.cpu_seconds, resident_bytes(gateway.pid)
    wire = await connect(gateway.address)
    wire.stop_reading()
    wire.send(make_request("/public/victim"))
    call = await service.call()
    sent = await send(call, flood, turns=1)
    call.peer.read_on()
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await call.peer.wait_end()
    is_ended = call.peer.has_ended
    wire.transport.abort()
    behind = await connect(gateway.address)
    behind.send(make_request("/public/behind"))
    status = (await read_answer(behind)).status
    behind.close()
    cpu_seconds = gateway.cpu_seconds - cpu_seconds
    growth = resident_bytes(gateway.pid) - memory
    name = f"of a service, {flood.name}"
    sys.stdout.write(f"{name}: {sent} bytes sent, {cpu_seconds:.2f} s, {growth / 1024:+.0f} KiB\n")
    faults = {
        "it is not ended": not is_ended,
        "the next request is not served": status != 200,
        f"{cpu_seconds:.2f} s": cpu_seconds > _MAX_CPU_SECONDS + _SLACK_SECONDS,
        f"{growth} bytes": growth > _MAX_GROWTH_BYTES,
    }
    return [f"{name}: {fault}" for fault, is_so in faults.items() if is_so]


async def measure_answers(folder: Path) -> list[str]:
    """Let a service send every flood to one gateway."""

    async def script(call: Call) -> None:
        if call.path != b"/public/victim":
            await echo(call)

    faults: list[str] = []
    async with running_http2_service() as service:
        service.script = script
        changes = {"routes": HOSTILE_ROUTES, "upstream": {"protocol": "h2c"}}
        config = write_config(folder, [service.url], changes)
        async with GatewayProcess(config, folder) as gateway:
            await measure_answer(gateway, service, floods("answer_floods")[0])
            for flood in floods("answer_floods"):
                faults += await measure_answer(gateway, service, flood)
            faults += [f"on stderr: {line}" for line in gateway.unexpected()]
    return faults


def main() -> int:
    """Return the exit status: 0 if nothing cost too much."""
    with tempfile.TemporaryDirectory(prefix="floods-") as folder:
        faults = uvloop.run(measure_all(Path(folder)))
        faults += uvloop.run(measure_all(Path(folder), trusting("h2")))
        faults += uvloop.run(measure_answers(Path(folder)))
    for fault in faults:
        sys.stdout.write(f"fault: {fault}\n")
    sys.stdout.write(f"floods: {len(faults)} faults\n" if faults else "floods: all held\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
