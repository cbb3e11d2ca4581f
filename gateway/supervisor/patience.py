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
    # So many times in a row without an answer, and a worker hangs: half a minute by default.
    counts_unanswered: int = 10


PATIENCE = Patience()
