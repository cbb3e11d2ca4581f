"""Notice a worker whose event loop stands still, and kill it; one that waits for a core lives.

Other servers watch the clock alone (gunicorn's `timeout`, systemd's `WatchdogSec`), and so allow
for half a minute or more. What the system says of a process tells a loop that stands still from
one that is starved within seconds.
"""

import asyncio
import logging
from collections.abc import Sequence
from enum import Enum, auto
from time import monotonic

from gateway.supervisor.child import Child
from gateway.supervisor.messages import Beat
from gateway.supervisor.patience import Patience
from gateway.supervisor.peer import PeerGone, Refused
from gateway.supervisor.slot import Slot
from gateway.supervisor.vitals import Vitals, read_vitals

_log = logging.getLogger(__name__)


class Phase(Enum):
    """What a worker is about, and so what its loop may be kept from."""

    STARTING = auto()  # it imports, from a cold disk maybe, and does not answer yet
    LOADING = auto()  # another thread has the interpreter: 10,000 routes take seconds
    SWITCHING = auto()  # so does its loop itself; whoever waits for it does not for long
    SERVING = auto()


def stalled_seconds(before: Vitals, now: Vitals, passed: float, phase: Phase) -> float:
    """Return how much of the *passed* seconds speaks for a loop that stands still.

    A loop that serves and does not answer either runs something that does not end, or sleeps in
    it: what it had of a core counts, and what it slept. While it waits for a core nothing does.
    While it loads, others may have the core instead; what its own thread had counts even so.
    """
    if now.is_stopped:
        return passed
    match phase:
        case Phase.STARTING:
            return 0.0
        case Phase.LOADING | Phase.SWITCHING if not _goes_on(before, now):
            return passed
        case Phase.SWITCHING:
            return 0.0
        case Phase.SERVING if not now.first_thread.waits:
            return passed
        case Phase.LOADING | Phase.SERVING:
            return min(passed, now.first_thread.cpu_seconds - before.first_thread.cpu_seconds)


def _goes_on(before: Vitals, now: Vitals) -> bool:
    """Return whether any thread had a core since, or waits for one."""
    return now.process.waits or now.process.cpu_seconds > before.process.cpu_seconds


class Heartbeat:
    """Whether the loop of one worker goes on: it is asked for a beat, then for the next."""

    def __init__(self, child: Child, patience: Patience) -> None:
        self._child = child
        self._patience = patience
        self._asked: asyncio.Future[None] | None = None
        self._begin(monotonic())

    def _begin(self, now: float) -> None:
        self._stalled_seconds = 0.0
        self._silent_seconds = 0.0  # of which the system does not say what it did
        self._looked_at = now
        self._vitals = read_vitals(self._child.pid)

    def hangs(self, now: float, phase: Phase) -> bool:
        """Return whether it stands still; to be asked again and again, at *now*."""
        if self._asked is not None and self._asked.done():
            self._asked = None
            self._begin(now)
        if self._asked is None and phase is not Phase.STARTING:
            self._asked = asyncio.ensure_future(_beat(self._child))
            self._begin(now)
            return False
        # We may have been kept from looking ourselves, and its answer waits to be read.
        passed = min(now - self._looked_at, 2 * self._patience.beat_each_seconds)
        before, self._vitals = self._vitals, read_vitals(self._child.pid)
        self._looked_at = now
        if before is None or self._vitals is None:
            if phase is Phase.SERVING:  # there is but the clock
                self._silent_seconds += passed
            return self._silent_seconds >= self._patience.silent_seconds
        stalled = stalled_seconds(before, self._vitals, passed, phase)
        if not stalled and phase is not Phase.SERVING and not self._vitals.first_thread.waits:
            self._stalled_seconds = 0.0  # it makes progress, and nothing else is asked of it
        self._stalled_seconds += stalled
        return self._stalled_seconds >= self._patience.hang_seconds


async def _beat(child: Child) -> None:
    try:
        await child.ask(Beat())
    except (PeerGone, Refused):
        return


class Heartbeats:
    """Watches the workers in *slots*, those too that do not serve yet."""

    def __init__(self, slots: Sequence[Slot], patience: Patience) -> None:
        self._slots = slots
        self._patience = patience
        self._beats: dict[Child, Heartbeat] = {}
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Watch until ``stop``."""
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    def stop(self) -> None:
        """Watch no more."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._patience.beat_each_seconds)
            try:
                self._look(monotonic())
            except Exception:  # of ours: it must not leave all workers unwatched
                _log.exception("a bug in watching the workers")

    def _look(self, now: float) -> None:
        found = {slot.hearer: slot for slot in self._slots}
        self._beats = {
            child: self._beats.get(child) or Heartbeat(child, self._patience)
            for child in found
            if child is not None and not child.is_hung
        }
        for child, beat in self._beats.items():
            slot = found[child]
            if beat.hangs(now, _phase(slot, child)):
                _log.error("%s (pid %d) hangs, and is killed", slot.name, child.pid)
                child.is_hung = True
                child.kill()


def _phase(slot: Slot, child: Child) -> Phase:
    if child.is_switching:
        return Phase.SWITCHING
    if child.is_loading:
        return Phase.LOADING
    return Phase.SERVING if slot.child is child else Phase.STARTING
