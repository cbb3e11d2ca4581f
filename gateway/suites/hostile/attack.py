"""One attack: what is sent, and what must become of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from gateway.decision.reason import Reason
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.sandbox import Sent
from gateway.suites.simulation.wire import authorization, write_head

Harm = Callable[[Sent], str | None]
"""Says what got through with a request that was let through, or None where nothing did."""


@dataclass(frozen=True, slots=True)
class Guard:
    """The setting that an attack tries: its *keys* below an issuer's, or the route's own."""

    issuer: str | None
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Attack:
    """An attack on one route.

    *name* is a word that people write into waivers, *variant* tells apart those of one name,
    *source* is where it was seen or what forbids it. It must be refused for one of *reasons*;
    where it is let through, *harm* judges that. *shown* is the request line, for people; nothing
    in the texts is a part of a token, but *head* holds one.
    """

    name: str
    variant: str
    source: str
    head: bytes = field(repr=False)
    reasons: frozenset[Reason]
    guard: Guard
    harm: Harm
    shown: str


@dataclass(frozen=True, slots=True, eq=False)
class Forgery:
    """A token that must not pass for the one that it was made of."""

    name: str
    variant: str
    source: str
    token: bytes = field(repr=False)
    reasons: frozenset[Reason]
    guard: Guard


def of_issuer(  # noqa: PLR0913, PLR0917 - all that a forgery is made of
    control: Control,
    name: str,
    variant: str,
    source: str,
    token: bytes,
    reasons: frozenset[Reason],
) -> Forgery:
    """Return the forgery *token*, which the check of the control's issuer has to refuse."""
    guard = Guard(control.issuer.name, ("issuer",))
    return Forgery(name, variant, source, token, reasons, guard)


def let_through(sent: Sent) -> str:
    """Say that what was let through should not have been."""
    return f"let through by the route {sent.allow.route.name}"


def send(forgeries: Iterable[Forgery], control: Control) -> Iterator[Attack]:
    """Yield the attacks that send each of *forgeries* in place of the control's token."""
    for one in forgeries:
        head = write_head(control.request, *authorization(bearer(one.token)))
        yield Attack(
            one.name, one.variant, one.source, head, one.reasons, one.guard, let_through,
            control.request.line,
        )  # fmt: skip
