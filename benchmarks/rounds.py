"""Measure peers in turn, round after round, so that slow moments affect all alike."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

from benchmarks.load import Load, WrongAnswerError
from benchmarks.peers import Peer, PeerMissingError
from benchmarks.process import StartFailedError
from benchmarks.row import Outcome

Start = Callable[[], AbstractContextManager[Peer]]
MeasureOnce = Callable[[Peer], float]


@dataclass(frozen=True, slots=True)
class Field:
    """The running peers, by the name of their figure, and why others do not run."""

    peers: Mapping[str, Peer]
    missing: Mapping[str, str]


@contextmanager
def start_each(
    starts: Mapping[str, Start], check: Callable[[Peer], None] | None = None
) -> Iterator[Field]:
    """Start the peers and *check* that each responds correctly; leave out one that does not."""
    peers: dict[str, Peer] = {}
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        for name, start in starts.items():
            try:
                peer = stack.enter_context(start())
                if check is not None:
                    check(peer)
            except (PeerMissingError, StartFailedError, WrongAnswerError, OSError) as absence:
                missing[name] = str(absence)
            else:
                peers[name] = peer
        yield Field(peers, missing)


def alternate(field: Field, measure_once: MeasureOnce, rounds: int) -> Outcome:
    """Return the median of each peer over *rounds* rounds, after one that only warms up.

    With no rounds, the one measurement counts: for what cannot be done twice to one process.
    """
    taken: dict[str, list[float]] = {name: [] for name in field.peers}
    missing = dict(field.missing)
    for _ in range(rounds + 1):
        for name, peer in field.peers.items():
            if name in missing:
                continue
            try:
                taken[name].append(measure_once(peer))
            except (WrongAnswerError, OSError) as failure:
                missing[name] = str(failure)
    figures = {
        name: median(some[1:] or some) for name, some in taken.items() if name not in missing
    }
    return Outcome(figures, missing)


def successful_rate(load: Load) -> float:
    """Return the requests per second of a round in which every response was a success."""
    if load.not_successful or load.broken:
        raise WrongAnswerError(f"{load.not_successful} refused, {load.broken} broken")
    return load.requests_per_second


def refused_rate(load: Load) -> float:
    """Return the requests per second of a round in which every response was a rejection."""
    if load.not_successful != load.requests or load.broken:
        raise WrongAnswerError(f"{load.not_successful} of {load.requests} refused")
    return load.requests_per_second
