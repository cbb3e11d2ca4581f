"""What each client connection of a soak does: a pure function of the seed and two numbers."""

from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from tests.soak.order import BROKEN, END, RESET, WHOLE, Order

GOOD, NONE, FORGED, EXPIRED, WEAK = "good", "none", "forged", "expired", "weak"

# Ways to leave a connection.
CLOSE, HALF_CLOSE = "close", "half-close"
_LEAVINGS: Final = (CLOSE, RESET, HALF_CLOSE)

# What two parsers may read in two ways.
HEAD_FLAWS: Final = (
    "both-framings",
    "two-lengths",
    "no-host",
    "two-hosts",
    "folded",
    "bad-version",
    "space-before-colon",
    "bare-line-feeds",
    "sign-in-length",
)
BODY_FLAWS: Final = ("bad-chunk-size", "chunk-too-long")

_LARGE: Final = 400_000


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, and what the service is told about it."""

    nonce: str
    route: str = "steady"
    method: str = "GET"
    version: str = "1.1"
    credential: str = GOOD
    token: int = 0  # which of the good ones
    order: Order = field(default_factory=Order)
    is_chunked: bool = False
    expects: bool = False  # Expect: 100-continue (RFC 9110 §10.1.1)
    pieces: int = 1  # of the request
    pause_ms: int = 0
    flaw: str = ""

    @property
    def has_body(self) -> bool:
        """Return whether the request has a body."""
        return self.is_chunked or self.order.body > 0

    @property
    def is_repeatable(self) -> bool:
        """Return whether it may be sent again where a kept connection ends (RFC 9110 §9.2.1)."""
        return self.method in {"GET", "HEAD", "OPTIONS"} and not self.has_body

    @property
    def target(self) -> str:
        """Return the target, which orders the answer."""
        return self.order.target(self.route, self.nonce)


@dataclass(frozen=True, slots=True)
class Abort:
    """Where the client leaves its last request, and how; *share* of that part was sent or read."""

    where: str  # head, body, waiting, answer
    how: str
    share: float


@dataclass(frozen=True, slots=True)
class Visit:
    """One client connection."""

    number: str
    asks: tuple[Ask, ...]
    is_pipelined: bool = False
    is_slow: bool = False  # reads late, with a small buffer in the kernel
    ending: str = CLOSE
    abort: Abort | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """One client connection that becomes a WebSocket."""

    number: str
    ask: Ask
    sizes: tuple[int, ...]
    ending: str = "handshake"


@dataclass(frozen=True, slots=True)
class Streams:
    """One client connection of HTTP/2: all its requests are in flight at once.

    *cancelled* are the numbers of those that the client resets.
    """

    number: str
    asks: tuple[Ask, ...]
    cancelled: frozenset[int]


Plan = Visit | Talk | Streams


def plan_connection(seed: str, worker: int, number: int, run: str = "") -> Plan:
    """Return what connection *number* of *worker* does; *run* tells repetitions apart."""
    rng = Random(f"{seed}/{worker}/{number}")
    name = f"{worker}-{number}{run}"
    if rng.random() < 0.12:
        return _plan_talk(rng, name)
    if rng.random() < 0.2:
        return _plan_streams(rng, name)
    is_pipelined = rng.random() < 0.2
    count = rng.randint(2, 12) if is_pipelined else rng.choice((1, 1, 2, 3, 5))
    asks = tuple(_plan_ask(rng, f"{name}-{at}", is_pipelined) for at in range(count))
    visit = Visit(name, asks, is_pipelined, rng.random() < 0.15, rng.choice((*_LEAVINGS, CLOSE)))
    return _with_abort(rng, visit) if rng.random() < 0.2 else visit


def _plan_talk(rng: Random, name: str) -> Talk:
    sizes = tuple(rng.choice((0, 20, 125, 126, 3000, 70_000)) for _ in range(rng.randint(1, 8)))
    ending = rng.choice(("handshake", "handshake", RESET, CLOSE, HALF_CLOSE, "service"))
    order = Order(
        pieces=len(sizes) if ending == "service" else len(sizes) + 1, end=rng.choice((END, RESET))
    )
    route = "shaky-socket" if rng.random() < 0.3 else "socket"
    credential = FORGED if rng.random() < 0.1 else GOOD
    ask = Ask(name, route, credential=credential, token=rng.randrange(50), order=order)
    return Talk(name, ask, sizes, ending)


def _plan_streams(rng: Random, name: str) -> Streams:
    asks = (_plan_ask(rng, f"{name}-{at}", is_pipelined=True) for at in range(rng.randint(1, 16)))
    plain = tuple(replace(ask, version="1.1", flaw="", expects=False) for ask in asks)
    cancelled = frozenset(at for at in range(len(plain)) if rng.random() < 0.1)
    return Streams(name, plain, cancelled)


def _plan_ask(rng: Random, nonce: str, is_pipelined: bool) -> Ask:
    route = rng.choices(("steady", "shaky", "open", "admin", "nowhere"), (52, 30, 10, 5, 3))[0]
    others = () if route in {"open", "nowhere"} else (NONE, FORGED, EXPIRED, WEAK)
    credential = rng.choice(others) if others and rng.random() < 0.12 else GOOD
    method = rng.choices(("GET", "POST", "HEAD", "PUT", "DELETE"), (45, 30, 10, 10, 5))[0]
    carries = method in {"POST", "PUT"}
    body = _size(rng, is_pipelined) if carries else 0
    is_chunked = carries and rng.random() < 0.4
    ask = Ask(
        nonce, route, method, credential=credential, token=rng.randrange(50),
        order=replace(_plan_order(rng, route, is_pipelined), body=body), is_chunked=is_chunked,
        expects=carries and not is_pipelined and body > 0 and rng.random() < 0.2,
        pieces=rng.choice((1, 1, 2, 7)), pause_ms=rng.choice((0, 1, 5, 20)),
    )  # fmt: skip
    if rng.random() < 0.05 and not is_chunked:
        return replace(ask, version="1.0", expects=False)
    if rng.random() < 0.06:
        return _with_flaw(rng, ask)
    return ask


def _with_flaw(rng: Random, ask: Ask) -> Ask:
    flaw = rng.choice((*HEAD_FLAWS, *BODY_FLAWS))
    order = replace(ask.order, do="sized", body=700, size=100, status=200, pieces=1)
    return replace(ask, method="POST", order=order, is_chunked=flaw in BODY_FLAWS, expects=False,
                   flaw=flaw)  # fmt: skip


def _plan_order(rng: Random, route: str, is_pipelined: bool) -> Order:
    is_whole = rng.random() >= 0.12
    do = rng.choices(WHOLE, (8, 4, 2, 2, 1, 1, 1, 1))[0] if is_whole else rng.choice(BROKEN)
    pieces, pause_ms = rng.choice((1, 1, 2, 5)), rng.choice((0, 0, 2, 10))
    if do == "until-close" and route == "shaky":
        do = "chunked"  # its crash would be the end of the answer, which nobody can tell
    if do == "events":
        pieces = rng.randint(2, 20)
    size = _size(rng, is_pipelined)
    if do == "excess":
        size = min(size, 1000)  # answer and excess have to come in one piece
    if do in BROKEN:
        size = max(size, 64)  # half of it is less than all of it
    status = rng.choices((200, 204, 304, 404, 500), (80, 5, 3, 6, 6))[0]
    if do in BROKEN or (status in (204, 304) and do not in {"sized", "early", "half-close"}):
        status = 200  # answers of other framings have a body
    return Order(do, status, size, pieces, pause_ms, rng.choice((END, RESET)))


def _size(rng: Random, is_pipelined: bool) -> int:
    sizes = (0, 1, 200, 5000, 60_000, 70_000, _LARGE)
    return rng.choices(sizes, (5, 5, 40, 30, 8, 8, 0 if is_pipelined else 4))[0]


def _with_abort(rng: Random, visit: Visit) -> Visit:
    where = rng.choice(("head", "body", "waiting", "answer"))
    *before, last = visit.asks
    last = replace(last, flaw="", expects=False, version="1.1")
    if where == "body":
        body = max(last.order.body, 2000)
        last = replace(last, method="POST", order=replace(last.order, body=body))
    if where == "answer":
        last = replace(last, method="GET", is_chunked=False, order=Order(size=_LARGE, pieces=3))
    abort = Abort(where, rng.choice(_LEAVINGS), rng.uniform(0.1, 0.9))
    return replace(visit, asks=(*before, last), is_pipelined=False, abort=abort)
