"""While every server has its limit of connections, requests wait, within limits."""

import asyncio
from collections.abc import Callable
from time import monotonic

import pytest

from gateway.decision.reason import Reason
from gateway.proxy.upstream.queue import NoServer, Queue
from gateway.settings.values.balancing import QueueLimits
from gateway.telemetry.metrics.upstreams import UpstreamMetrics


class Waiting:
    """A queue, and the requests that wait in it."""

    def __init__(self, size: int = 9, seconds: float = 1.0) -> None:
        self.counts = UpstreamMetrics("main")
        self.queue: Queue[str] = Queue(QueueLimits(size, seconds), self.counts)

    async def join(self, is_wanted: Callable[[], bool] = lambda: True) -> asyncio.Task[str]:
        task = asyncio.get_running_loop().create_task(self.queue.wait(is_wanted))
        await asyncio.sleep(0)
        return task


async def test_the_request_that_has_waited_longest_is_served_first() -> None:
    waiting = Waiting()
    first, second = await waiting.join(), await waiting.join()

    assert waiting.queue.serve("a")
    assert waiting.queue.serve("b")

    assert (await first, await second) == ("a", "b")
    assert not waiting.queue.serve("c")


async def test_if_the_queue_is_full_the_gateway_is_overloaded() -> None:
    waiting = Waiting(size=1)
    first = await waiting.join()

    with pytest.raises(NoServer, match="all connections are in use, and 1 requests") as refused:
        await waiting.queue.wait(lambda: True)

    assert refused.value.reason is Reason.OVERLOADED
    assert waiting.counts.queue_full == 1
    waiting.queue.serve("a")
    assert await first == "a"


async def test_no_request_waits_longer_than_the_timeout() -> None:
    waiting = Waiting(seconds=30.0)
    first = await waiting.join()

    waiting.queue.expire(monotonic() + 29.0)
    assert not first.done()
    waiting.queue.expire(monotonic() + 31.0)

    with pytest.raises(NoServer, match="no connection was free within 30 s") as refused:
        await first
    assert refused.value.reason is Reason.OVERLOADED
    assert waiting.counts.queue_late == 1


async def test_a_cancelled_request_is_skipped() -> None:
    waiting = Waiting()
    first, second = await waiting.join(), await waiting.join()
    first.cancel()
    await asyncio.wait([first])

    assert waiting.queue.serve("a")

    assert await second == "a"


async def test_a_request_that_is_not_wanted_any_more_makes_room() -> None:
    waiting = Waiting(size=2)
    is_wanted = True
    gone, first = await waiting.join(lambda: is_wanted), await waiting.join()
    is_wanted = False

    second = await waiting.join()

    assert waiting.counts.queue_full == 0
    with pytest.raises(NoServer, match="the client is gone"):
        await gone
    waiting.queue.serve("a")
    waiting.queue.serve("b")
    assert (await first, await second) == ("a", "b")


async def test_a_request_that_is_not_wanted_any_more_gets_nothing() -> None:
    waiting = Waiting()
    gone, first = await waiting.join(lambda: False), await waiting.join()

    assert waiting.queue.serve("a")

    assert await first == "a"
    with pytest.raises(NoServer, match="the client is gone"):
        await gone
    assert waiting.counts.queue_late == 0
