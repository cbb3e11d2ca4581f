"""Kill a worker whose event loop is blocked, but not one that only waits for a core.

Other servers watch only the clock (gunicorn's `timeout`, systemd's `WatchdogSec`), and so allow for
half a minute or more. The state of the process, as the system reports it, tells a blocked loop from
a starved one within seconds.
"""

import asyncio
import logging
from collections.abc import Sequence
from enum import Enum, auto
from time import monotonic

from gateway.supervisor.child import Child
from gateway.supervisor.messages import Beat
from gateway.supervisor.peer import PeerGone, Refused
from gateway.supervisor.process_state import ProcessState, read_process_state
from gateway.supervisor.timeouts import WorkerTimeouts
from gateway.supervisor.worker_slot import WorkerSlot

_log = logging.getLogger(__name__)


class Phase(Enum):
    """What a worker is doing, which decides what may block its loop."""

    STARTING = auto()  # it imports modules, maybe from a cold disk, and does not answer yet
    LOADING = auto()  # another thread holds the interpreter: 10,000 routes take seconds
    SWITCHING = auto()  # the loop itself is busy; the supervisor waits only briefly for it
    SERVING = auto()


def stalled_seconds(before: ProcessState, now: ProcessState, passed: float, phase: Phase) -> float:
    """Return how many of the *passed* seconds count as blocked.

    A loop that serves and does not answer runs an endless computation, or sleeps in one: its CPU
    time counts, and the time it slept, but not the time it waited for a core. While it loads, other
    threads may have the core instead; the CPU time of its own thread counts even so.
    """
    if now.is_stopped:
        return passed
    match phase:
        case Phase.STARTING:
            return 0.0
        case Phase.LOADING | Phase.SWITCHING if not _progresses(before, now):
            return passed
        case Phase.SWITCHING:
            return 0.0
        case Phase.SERVING if not now.first_thread.waits:
            return passed
        case Phase.LOADING | Phase.SERVING:
            return min(passed, now.first_thread.cpu_seconds - before.first_thread.cpu_seconds)


def _progresses(before: ProcessState, now: ProcessState) -> bool:
    """Return whether any thread ran since, or waits for a core."""
    return now.process.waits or now.process.cpu_seconds > before.process.cpu_seconds


class Heartbeat:
    """Whether the loop of one worker responds: it is asked for one beat after the other."""

    def __init__(self, child: Child, timeouts: WorkerTimeouts) -> None:
        self._child = child
        self._timeouts = timeouts
        self._asked: asyncio.Future[None] | None = None
        self._begin(monotonic())

    def _begin(self, now: float) -> None:
        self._stalled_seconds = 0.0
        self._unanswered_seconds = 0.0  # without an answer, and without a known process state
        self._looked_at = now
        self._state = read_process_state(self._child.pid)

    def hangs(self, now: float, phase: Phase) -> bool:
        """Return whether the loop is blocked at *now*; call it repeatedly."""
        if self._asked is not None and self._asked.done():
            self._asked = None
            self._begin(now)
        if self._asked is None and phase is not Phase.STARTING:
            self._asked = asyncio.ensure_future(_beat(self._child))
            self._begin(now)
            return False
        # This process may have been starved itself, with the answer still unread.
        passed = min(now - self._looked_at, 2 * self._timeouts.beat_interval_seconds)
        before, self._state = self._state, read_process_state(self._child.pid)
        self._looked_at = now
        if before is None or self._state is None:
            if phase is Phase.SERVING:  # only the clock is known
                self._unanswered_seconds += passed
            return self._unanswered_seconds >= self._timeouts.unanswered_seconds
        stalled = stalled_seconds(before, self._state, passed, phase)
        if not stalled and phase is not Phase.SERVING and not self._state.first_thread.waits:
            self._stalled_seconds = 0.0  # it makes progress, which is enough in this phase
        self._stalled_seconds += stalled
        return self._stalled_seconds >= self._timeouts.hang_seconds


async def _beat(child: Child) -> None:
    try:
        await child.ask(Beat())
    except (PeerGone, Refused):
        return


class Heartbeats:
    """Watches the workers in *slots*, including those that do not serve yet."""

    def __init__(self, slots: Sequence[WorkerSlot], timeouts: WorkerTimeouts) -> None:
        self._slots = slots
        self._timeouts = timeouts
        self._beats: dict[Child, Heartbeat] = {}
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Watch until ``stop``."""
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        """Stop watching."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._timeouts.beat_interval_seconds)
            try:
                self._look(monotonic())
            except Exception:  # an internal error must not leave the workers unwatched
                _log.exception("internal error while watching the workers")

    def _look(self, now: float) -> None:
        found = {slot.receiver: slot for slot in self._slots}
        self._beats = {
            child: self._beats.get(child) or Heartbeat(child, self._timeouts)
            for child in found
            if child is not None and not child.is_hung
        }
        for child, beat in self._beats.items():
            slot = found[child]
            if beat.hangs(now, _phase(slot, child)):
                _log.error("%s (pid %d) hangs; killing it", slot.name, child.pid)
                child.is_hung = True
                child.kill()


def _phase(slot: WorkerSlot, child: Child) -> Phase:
    if child.is_switching:
        return Phase.SWITCHING
    if child.is_loading:
        return Phase.LOADING
    return Phase.SERVING if slot.child is child else Phase.STARTING
