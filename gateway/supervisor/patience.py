"""Say how long workers may take for what they are asked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor waits for its workers, in seconds where it does not say otherwise."""

    # Thousands of routes take seconds to compile, and all workers do it at the same time.
    start_seconds: float = 120.0
    prepare_seconds: float = 120.0
    commit_seconds: float = 10.0
    count_seconds: float = 1.0
    stop_seconds: float = 5.0
    # Behind the time that a drain has by itself, for the last bytes of all.
    drain_seconds: float = 2.0
    # For a worker that is being started when the gateway is told to end.
    settle_seconds: float = 5.0
    # What a worker has counted since it was last asked is lost when it is killed.
    count_each_seconds: float = 2.0
    # So often its event loop is asked whether it goes on. With the next it is killed before 5 s
    # are over, which is twice as long as the longest that a loop was seen to stand still.
    beat_each_seconds: float = 0.5
    # So long a loop stood still: stopped, asleep or on a core, and not waiting for one.
    hang_seconds: float = 3.0
    # And where the system does not say what a process does, so long without an answer.
    silent_seconds: float = 30.0


PATIENCE = Patience()
