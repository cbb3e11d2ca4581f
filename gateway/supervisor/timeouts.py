"""How long the supervisor waits for its workers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerTimeouts:
    """The time limits and intervals of a supervisor."""

    # Thousands of routes take seconds to compile, and all workers do it at the same time.
    start_seconds: float = 120.0
    prepare_seconds: float = 120.0
    commit_seconds: float = 10.0
    count_seconds: float = 1.0
    stop_seconds: float = 5.0
    # On top of the configured time of a drain, for the last bytes.
    drain_seconds: float = 2.0
    # For a worker that is starting when the gateway drains.
    settle_seconds: float = 5.0
    # The counts since the last report of a worker are lost when it is killed.
    count_interval_seconds: float = 2.0
    # Together with the next, a blocked worker is killed within 5 s, twice as long as the longest
    # pause of a healthy loop that was measured.
    beat_interval_seconds: float = 0.5
    # How long a loop may be blocked: stopped, asleep or computing, but not waiting for a core.
    hang_seconds: float = 3.0
    # How long a loop may not answer if the state of its process is unknown.
    unanswered_seconds: float = 30.0


DEFAULT_TIMEOUTS = WorkerTimeouts()
