"""Where spans go, and of which requests there are some."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where spans go, over OTLP/HTTP, and of which requests."""

    url: str
    sample: float  # the share of requests without a trace that are recorded, 0 to 1
    asked_per_second: int  # recorded because a caller whom nobody vouches for asks for it
    service_name: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)  # for the collector
