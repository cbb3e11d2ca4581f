"""Send spans to a collector over OTLP/HTTP, without ever making a request wait."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from secrets import token_hex
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from gateway.fetching.session import make_session
from gateway.fetching.shown_url import show_url
from gateway.settings.values.configuration import Tracing
from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.tracing.spans import Span

# Imported only if tracing is configured: it needs an extra that most gateways do not install.
_PROTOBUF: Final = "gateway.telemetry.tracing.span_protobuf"

_log = logging.getLogger(__name__)

# As in OpenTelemetry's SDK: at most some 4 MiB of usual spans wait in memory.
CAPACITY: Final = 2048
BATCH: Final = 512

# OTLP/HTTP, "Retryable Response Codes"; other statuses are final.
_BUSY: Final = frozenset((429, 502, 503, 504))

# The response says little; more of it is not read.
_MAX_RESPONSE_BYTES: Final = 64 * 1024

# A longer Retry-After of a collector is cut to this.
_MAX_PAUSE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class ExportTimes:
    """How long spans are gathered, how long an export may take, and the pauses before retries."""

    gather_seconds: float = 5.0
    request_seconds: float = 10.0
    pauses_seconds: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)


DEFAULT_TIMES: Final = ExportTimes()


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a collector did not accept a batch, and the pause that it asks for, if any."""

    detail: str
    pause_seconds: float | None = None
    is_final: bool = False


class SpanExporter:
    """Sends spans in batches, one after the other.

    A collector that is down, slow or busy costs spans, counted in *metrics*, and nothing else: at
    most ``CAPACITY`` of them wait. A task starts with the first span; ``use`` comes before it. For
    the event loop's thread alone.
    """

    def __init__(self, metrics: Metrics, times: ExportTimes = DEFAULT_TIMES) -> None:
        self._settings: Tracing | None = None
        self._metrics = metrics
        self._times = times
        self._instance_id = token_hex(8)
        self._spans: deque[Span] = deque()
        self._full = asyncio.Event()  # a batch is complete, or no more spans will come
        self._task: asyncio.Task[None] | None = None
        self._is_closing = False
        self._is_failing = False

    def use(self, settings: Tracing | None) -> None:
        """Send to the collector of *settings* from now on; without, the last one gets the rest."""
        if settings is not None:
            # Now, because with the first batch there may be no descriptor left for it.
            import_module(_PROTOBUF)
        self._settings = settings or self._settings

    def add(self, span: Span) -> None:
        """Queue *span*, or drop it; return at once."""
        spans = self._spans
        if len(spans) >= CAPACITY or self._is_closing:
            self._metrics.spans_dropped_full += 1
            return
        spans.append(span)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="span exporter")
        elif len(spans) == BATCH:
            self._full.set()

    async def close(self, timeout_seconds: float) -> None:
        """Send what waits, each batch once, for at most *timeout_seconds*; drop the rest."""
        self._is_closing = True
        self._full.set()
        task = self._task
        if task is None:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(task, timeout_seconds)
        self._metrics.spans_dropped_collector += len(self._spans)
        self._spans.clear()

    async def _run(self) -> None:
        session = make_session(may_be_public=True)
        try:
            while await self._gather():
                try:
                    await self._export(session)
                except Exception:  # an unexpected error: it costs this batch, not the next ones
                    _log.exception("spans could not be sent")
        finally:
            await session.close()

    async def _gather(self) -> bool:
        """Wait for a batch; return False once no more spans will come."""
        while not self._is_closing:
            if len(self._spans) >= BATCH:
                return True
            self._full.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), self._times.gather_seconds)
            if self._spans:
                return True
        return bool(self._spans)

    async def _export(self, session: ClientSession) -> None:
        batch = [self._spans.popleft() for _ in range(min(BATCH, len(self._spans)))]
        taken = 0
        try:
            taken = await self._send(session, batch)
        finally:  # cancelled, too
            self._metrics.spans_exported += taken
            self._metrics.spans_dropped_collector += len(batch) - taken

    async def _send(self, session: ClientSession, batch: Sequence[Span]) -> int:
        """Send *batch*, with retries; return how many spans were accepted."""
        from gateway.telemetry.tracing.span_protobuf import count_rejected, write_spans  # noqa: PLC0415

        settings = self._settings
        if settings is None:
            return 0
        body = await write_spans(batch, settings.service_name, self._instance_id)
        for pause_seconds in (*self._times.pauses_seconds, None):
            outcome = await self._post(session, settings, body)
            if isinstance(outcome, bytes):
                self._report(settings, None)
                return max(0, len(batch) - count_rejected(outcome))
            self._report(settings, outcome.detail)
            if outcome.is_final or pause_seconds is None or self._is_closing:
                break
            await self._pause(outcome.pause_seconds or pause_seconds)
        return 0

    async def _pause(self, seconds: float) -> None:
        """Wait for *seconds*, or until this is closed."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self._is_closing and (left := end - loop.time()) > 0:
            self._full.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), left)

    async def _post(
        self, session: ClientSession, settings: Tracing, body: bytes
    ) -> bytes | _Failure:
        """Return the collector's response, or why it did not accept *body*."""
        headers = {"Content-Type": "application/x-protobuf", "Accept-Encoding": "identity"}
        seconds = self._times.request_seconds
        try:
            async with session.post(
                settings.url,
                data=body,
                headers=[*headers.items(), *settings.headers],
                timeout=ClientTimeout(total=seconds),
                allow_redirects=False,  # the fields may hold a key for this collector alone
            ) as response:
                if 200 <= response.status <= 299:
                    return await response.content.read(_MAX_RESPONSE_BYTES)
                is_final = response.status not in _BUSY
                pause = _pause_seconds(response.headers.get("Retry-After", ""))
                return _Failure(f"status {response.status}", pause, is_final)
        except TimeoutError:
            return _Failure(f"no response in {seconds:g} s")
        except (ClientError, OSError, ValueError) as error:
            # The text of the error may repeat what was sent.
            return _Failure(type(error).__name__)

    def _report(self, settings: Tracing, failure: str | None) -> None:
        """Log once that spans are not accepted, and once that they are again."""
        if (failure is not None) == self._is_failing:
            return
        self._is_failing = failure is not None
        where = show_url(settings.url)
        if failure is not None:
            _log.warning("spans are not accepted by %s: %s", where, failure)
        else:
            _log.info("spans are accepted again by %s", where)


def _pause_seconds(retry_after: str) -> float | None:
    """Return the pause that a Retry-After in seconds asks for, or None."""
    if not retry_after.isascii() or not retry_after.isdigit() or len(retry_after) > 9:
        return None
    return min(float(retry_after), _MAX_PAUSE_SECONDS) or None
