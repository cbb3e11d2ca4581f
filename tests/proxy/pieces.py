"""Strategies for bytes that are much like messages: pieces of the grammar, damaged and split."""

from hypothesis import strategies as st

# In place of what a test wants to find again, or not to find.
MARK = b"MARK"

Pieces = list[bytes]


def _chosen(*pieces: bytes) -> st.SearchStrategy[bytes]:
    return st.sampled_from(pieces)


def _lists(pieces: st.SearchStrategy[bytes], max_size: int) -> st.SearchStrategy[Pieces]:
    return st.lists(pieces, max_size=max_size)


def _joined(lists: list[Pieces]) -> Pieces:
    return [piece for pieces in lists for piece in pieces]


# --- bodies

_NO_BODY: Pieces = [b"\r\n"]
_LENGTHS: list[Pieces] = [
    [b"Content-Length: 4\r\n", b"\r\n", b"MARK"],
    [b"Content-Length: 5\r\n", b"\r\n", b"MARK", b"x"],
    [b"Content-Length: 0\r\n", b"\r\n"],
    [b"Content-Length: 4\r\n", b"\r\n", b"MARK", b"\r\n"],
    [b"Content-Length: 400\r\n", b"\r\n", b"MARK"],
]
_CHUNK_PIECES = _chosen(
    b"4\r\nMARK\r\n",
    b"4;name=value\r\nMARK\r\n",
    b"1\r\nx\r\n",
    b"00004\r\nMARK\r\n",
    b"4\r\n",
    b"5\r\nMARK\r\n",
)
_CHUNK_ENDS = _chosen(
    b"0\r\n\r\n",
    b"0\r\nX-Trailer: MARK\r\n\r\n",
    b"0\r\nX-Gateway-Subject: mallory\r\n\r\n",
    b"0\r\n",
    b"",
)
_CODINGS = _chosen(
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
)


@st.composite
def _chunked(draw: st.DrawFn) -> Pieces:
    coding = draw(st.just(b"Transfer-Encoding: chunked\r\n") | _CODINGS)
    return [coding, b"\r\n", *draw(_lists(_CHUNK_PIECES, 3)), draw(_CHUNK_ENDS)]


_BODIES: st.SearchStrategy[Pieces] = (
    st.just(_NO_BODY) | st.just(_NO_BODY) | st.sampled_from(_LENGTHS) | _chunked()
)

# --- requests

_REQUEST_LINES = _chosen(
    b"GET /public/MARK HTTP/1.1\r\n",
    b"HEAD /public/MARK HTTP/1.1\r\n",
    b"GET /public/MARK HTTP/1.0\r\n",
    b"POST /public/MARK HTTP/1.1\r\n",
    b"PUT /public/MARK?q=MARK HTTP/1.1\r\n",
    b"POST /api/MARK HTTP/1.1\r\n",
    b"GET /api/MARK HTTP/1.1\r\n",
    b"GET /public/../MARK HTTP/1.1\r\n",
    b"GET /nowhere HTTP/1.1\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"TRACE /public/MARK HTTP/1.1\r\n",
    b"CONNECT MARK:443 HTTP/1.1\r\n",
    b"GET http://other.test/public/MARK HTTP/1.1\r\n",
    b"PRI * HTTP/2.0\r\n",
    b"GET /public/MARK\r\n",
)
_REQUEST_FIELDS = _chosen(
    b"Accept: */*\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive, X-A\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    b"Expect: 100-continue\r\n",
    b"Host: second.test\r\n",
    b"Host: a,b\r\n",
    b"X-A: MARK\r\n",
    b"X-Gateway-Subject: mallory\r\n",
    b"X_Gateway_Subject: mallory\r\n",
    b"TE: trailers\r\n",
    b"X-Folded: a\r\n b\r\n",
    b"Content-Length: 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
)


def _requests(authorization: bytes) -> st.SearchStrategy[Pieces]:
    fields = _REQUEST_FIELDS | st.just(authorization + b"\r\n")
    return st.builds(
        lambda line, more, body: [line, b"Host: gateway.test\r\n", *more, *body],
        _REQUEST_LINES,
        _lists(fields, 2),
        _BODIES,
    )


# --- answers

_STATUS_LINES = _chosen(
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 404 Words\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 204 OK\r\n",
    b"HTTP/1.1 304 OK\r\n",
    b"HTTP/1.1 103 Hints\r\n",
    b"HTTP/1.1 100 Continue\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n",
    b"HTTP/1.1 099 OK\r\n",
    b"HTTP/2 200\r\n",
    b"ICY 200 OK\r\n",
)
_ANSWER_FIELDS = _chosen(
    b"X-A: MARK\r\n",
    b"Connection: close\r\n",
    b"Connection: X-A\r\n",
    b"Set-Cookie: a=MARK\r\n",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
    b"X-Folded: a\r\n b\r\n",
    b"Content-Length: 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
)
_ANSWERS: st.SearchStrategy[Pieces] = st.builds(
    lambda line, more, body: [line, *more, *body], _STATUS_LINES, _lists(_ANSWER_FIELDS, 2), _BODIES
)

# --- damage


@st.composite
def _damaged(draw: st.DrawFn, pieces: Pieces, others: Pieces) -> bytes:
    """Return *pieces* joined, some repeated, dropped, exchanged, spliced with others or flipped."""
    pieces = list(pieces)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(pieces)))
        to = draw(st.integers(0, len(pieces)))
        match draw(st.integers(0, 4)):
            case 0:
                pieces[at:at] = pieces[to : to + 2]
            case 1:
                del pieces[at : at + 1]
            case 2:
                low, high = sorted((at, to))
                pieces[low:high] = reversed(pieces[low:high])
            case 3:
                pieces[at : at + 1] = others[to : to + 2]
            case _:
                stream = bytearray(b"".join(pieces))
                place = draw(st.integers(0, len(stream)))
                stream[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
                pieces = [bytes(stream[:place]), bytes(stream[place:])]
    return b"".join(pieces)


@st.composite
def _split(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    ends = [*cuts, len(stream)]
    return [stream[start:end] for start, end in zip([0, *cuts], ends, strict=True)]


def request_streams(authorization: bytes) -> st.SearchStrategy[list[bytes]]:
    """Return streams of up to four requests in pieces; *authorization* is a good field."""
    requests = _requests(authorization)
    several = st.lists(requests, min_size=1, max_size=4).map(_joined)
    damaged = st.tuples(several, requests).flatmap(lambda both: _damaged(*both))
    return damaged.flatmap(_split) | st.binary(max_size=200).flatmap(_split)


def answer_streams() -> st.SearchStrategy[list[bytes]]:
    """Return what a service sends for one request, in pieces: mostly one answer."""
    several = st.lists(_ANSWERS, min_size=1, max_size=2).map(_joined)
    damaged = st.tuples(several, _ANSWERS).flatmap(lambda both: _damaged(*both))
    return damaged.flatmap(_split) | st.binary(max_size=200).flatmap(_split)
