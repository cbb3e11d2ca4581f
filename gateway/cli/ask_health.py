"""Ask one server of an upstream whether it is well, as the data port would."""

import asyncio
import ssl

from gateway.proxy.transport.write_buffer import Outbox
from gateway.proxy.upstream.health_check import ask_whether_well
from gateway.proxy.upstream.server_pool import ServerPool
from gateway.settings.values.configuration import Server, Timeouts, Upstream
from gateway.telemetry.metrics.servers import ServerMetrics
from gateway.telemetry.metrics.upstreams import UpstreamMetrics


async def ask_health(
    server: Server, upstream: Upstream, timeouts: Timeouts, tls: ssl.SSLContext | None
) -> str | None:
    """Return why *server* is not well, or None where it is, or is not to be asked."""
    check = upstream.balancing.health
    if check is None:
        return None
    outbox = Outbox(asyncio.get_running_loop())
    counts, tally = UpstreamMetrics(upstream.name), ServerMetrics(server.authority)
    pool = ServerPool(server, server.host, upstream, timeouts, outbox, counts, tally)
    return await ask_whether_well(pool, check, tls)
