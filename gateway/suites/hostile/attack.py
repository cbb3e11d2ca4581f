"""One attack: what is sent, and how it must be refused."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from gateway.decision.head import SessionCredential
from gateway.decision.reason import Reason
from gateway.http.rehearsal import H2Head
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.sandbox import Sent
from gateway.suites.simulation.wire import write_head

Harm = Callable[[Sent], str | None]
"""Says what harm an allowed request does, or None if it is harmless."""


@dataclass(frozen=True, slots=True)
class Guard:
    """The setting that must stop an attack: its *keys* below an issuer, or below the route."""

    issuer: str | None
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Attack:
    """An attack on one route.

    *name* is the word that waivers use, *variant* distinguishes attacks of one name, *source* is
    where it was seen or what forbids it. It must be refused for one of *reasons*; if it is allowed,
    *harm* judges that. *shown* is the request line, for people; no text holds a part of a token,
    but *head* does. *session* is the one that its cookies stand for, None without our cookies. With
    *h2*, that is sent over HTTP/2 instead of *head*.
    """

    name: str
    variant: str
    source: str
    head: bytes = field(repr=False)
    reasons: frozenset[Reason]
    guard: Guard
    harm: Harm
    shown: str
    session: SessionCredential | None = None
    h2: H2Head | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Forgery:
    """A token that must not be accepted in place of the one that it was made from."""

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
    """Return the forgery *token*, which the checks of the control's issuer must refuse."""
    guard = Guard(control.issuer.name, ("issuer",))
    return Forgery(name, variant, source, token, reasons, guard)


def let_through(sent: Sent) -> str:
    """Return the harm of any request that is allowed at all."""
    return f"allowed by the route {sent.allow.route.name}"


def send(forgeries: Iterable[Forgery], control: Control) -> Iterator[Attack]:
    """Yield the attacks that send each of *forgeries* in place of the control's token.

    A token that is too long because of what was added to it may be refused for that: one with a
    key or a certificate of ML-DSA is.
    """
    max_token_bytes = control.sandbox.settings.policy.max_token_bytes
    for one in forgeries:
        is_long = len(one.token) > max_token_bytes
        reasons = one.reasons | {Reason.TOKEN_MALFORMED} if is_long else one.reasons
        head = write_head(control.request, *control.carry(bearer(one.token)))
        yield Attack(
            one.name, one.variant, one.source, head, reasons, one.guard, let_through,
            control.request.line,
        )  # fmt: skip
