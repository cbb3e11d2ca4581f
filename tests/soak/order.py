"""What a service is told to do about one request; it is written in the query of the target."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

# Answers that are whole: the client must get every byte of them.
WHOLE: Final = (
    "sized",  # Content-Length
    "chunked",
    "until-close",  # framed by the end of the connection (RFC 9112 §6.3)
    "events",  # an event stream, chunk by chunk
    "interim",  # 103 in front of the answer (RFC 8297)
    "early",  # before the body of the request was read (RFC 9110 §10.1.1)
    "half-close",  # the service ends its side behind the answer, and goes on reading
    "excess",  # bytes behind the answer that nobody asked for, an answer by their looks
)
# Answers that fail: nothing of them may look complete.
BROKEN: Final = (
    "silent",  # no byte
    "half-head",
    "half-sized",
    "half-chunked",
    "garbage",  # not HTTP
    "bad-chunk",
)
# Ends of a broken answer.
END, RESET = "end", "reset"


@dataclass(frozen=True, slots=True)
class Order:
    """One answer: how it is framed, what it says, in how many pieces and pauses."""

    do: str = "sized"
    status: int = 200
    size: int = 0
    pieces: int = 1
    pause_ms: int = 0
    end: str = END  # how a broken answer ends
    body: int = 0  # bytes of the request's body

    @property
    def is_whole(self) -> bool:
        """Return whether the answer will be complete."""
        return self.do in WHOLE

    @property
    def has_body(self) -> bool:
        """Return whether the status allows a body (RFC 9110 §6.4.1)."""
        return self.status not in (204, 304)

    def target(self, prefix: str, nonce: str) -> str:
        """Return the target that gives this order for *nonce*."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return f"/{prefix}/{nonce}?{urlencode(fields)}"


def read_target(target: bytes) -> tuple[str, Order]:
    """Return nonce and order of *target*; raises ValueError and KeyError for any other."""
    path, _, query = target.decode().partition("?")
    fields = dict(parse_qsl(query, strict_parsing=True))
    return path.rpartition("/")[2], Order(
        do=fields["do"],
        status=int(fields["status"]),
        size=int(fields["size"]),
        pieces=int(fields["pieces"]),
        pause_ms=int(fields["pause_ms"]),
        end=fields["end"],
        body=int(fields["body"]),
    )
