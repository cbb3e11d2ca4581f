"""Count logins, refreshes and the ends of sessions."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import Metric

from gateway.telemetry.metrics.counts import Metrics
from gateway.telemetry.metrics.families import counter

ByLogin = Counter[tuple[str, str]]

_LOGIN_OUTCOMES: Final = ("begun", "succeeded", "failed", "unavailable")
_REFRESH_OUTCOMES: Final = ("renewed", "failed", "lost")
_END_CAUSES: Final = (
    "logout", "backchannel_logout", "admin", "replaced", "displaced", "expired", "lost",
)  # fmt: skip


@dataclass(slots=True)
class LoginMetrics:
    """Counts since the start, each by the name of the login and by what happened.

    *logins*: begun, succeeded, failed, unavailable. *refreshes*: renewed, failed, lost. *ended*
    says why a session did: logout, backchannel_logout, admin, replaced, displaced, expired, lost.
    The name is empty if sessions of several logins ended at once.
    """

    logins: ByLogin = field(default_factory=Counter)
    refreshes: ByLogin = field(default_factory=Counter)
    ended: ByLogin = field(default_factory=Counter)

    def expect(self, logins: Iterable[str]) -> None:
        """Show all counts of *logins* from now on, also those that are 0.

        A series that begins with 1 has no increase that Prometheus could see.
        """
        for name in logins:
            for counts, words in (
                (self.logins, _LOGIN_OUTCOMES),
                (self.refreshes, _REFRESH_OUTCOMES),
                (self.ended, _END_CAUSES),
            ):
                for word in words:
                    counts.setdefault((name, word), 0)


def session_families(metrics: Metrics) -> Iterator[Metric]:
    """Yield the family about requests that came with a session's cookie."""
    yield counter(
        "gateway_session_lookups",
        "Sessions that requests needed, by how they were found.",
        [
            (("cached",), metrics.sessions_cached),
            (("found",), metrics.sessions_found),
            (("missing",), metrics.sessions_missing),
            (("unavailable",), metrics.sessions_unavailable),
        ],
        ("outcome",),
    )


def login_families(metrics: LoginMetrics) -> Iterator[Metric]:
    """Yield the families of *metrics*."""
    for name, words, counts, label in (
        ("gateway_logins", "Logins of browsers.", metrics.logins, "outcome"),
        ("gateway_session_refreshes", "Refreshes of tokens.", metrics.refreshes, "outcome"),
        ("gateway_sessions_ended", "Ends of sessions.", metrics.ended, "cause"),
    ):
        yield counter(name, words, sorted(counts.copy().items()), ("login", label))
