"""Make tokens that show where two versions of an issuer differ: what one takes and one refuses."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from gateway.decision.policy import Issuer
from gateway.suites.differences.side import Caller

FORGED = "signature"  # the attack that only an issuer that reports lets through
OTHER_AUDIENCE = "another-api"


@dataclass(frozen=True, slots=True)
class Edge:
    """A change of a token, in words: other *claims*, another *typ* or *algorithm*, an *attack*."""

    text: str
    claims: Mapping[str, object] = field(default_factory=dict)
    typ: str | None = None
    algorithm: str | None = None
    attack: str | None = None

    def of(self, caller: Caller) -> Caller:
        """Return *caller* with the change."""
        return replace(
            caller,
            name=f"{caller.name} {self.text}",
            claims={**caller.claims, **self.claims},
            header={**caller.header, **({} if self.typ is None else {"typ": self.typ})},
            algorithm=self.algorithm or caller.algorithm,
            attack=self.attack or caller.attack,
        )


def find_edges(old: Issuer, new: Issuer, at: float) -> Iterator[Edge]:
    """Yield a change for everything in which *old* and *new*, one issuer, differ."""
    if (old.audiences is None) is not (new.audiences is None):
        yield Edge(f"for {OTHER_AUDIENCE}", {"aud": OTHER_AUDIENCE})
    for audience in sorted((old.audiences or frozenset()) ^ (new.audiences or frozenset())):
        yield Edge(f"for {audience}", {"aud": audience})
    for algorithm in sorted(old.algorithms ^ new.algorithms):
        yield Edge(f"by {algorithm}", algorithm=algorithm)
    if old.profile is not new.profile:
        yield Edge("of any kind of JWT", typ="JWT")
    if old.leeway_seconds != new.leeway_seconds:
        middle = (old.leeway_seconds + new.leeway_seconds) / 2
        yield Edge(f"expired for {middle:g} s", {"exp": at - middle})
    if old.reports is not new.reports:
        yield Edge("forged", attack=FORGED)
