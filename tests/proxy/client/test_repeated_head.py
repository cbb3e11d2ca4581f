"""A repeated head is only cheaper to read, and means the same."""

import gc
import re
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decision.token import SignedToken
from gateway.http.reading.faults import EarlyBytes, Fault
from gateway.http.reading.fields import Fields
from gateway.http.reading.names import RequestNames
from gateway.http.reading.request import Request
from gateway.proxy.client.repeated_head import RepeatedHead
from gateway.proxy.client.request_reader import RequestReader
from gateway.proxy.streams.upload import Upload
from gateway.settings.values.configuration import Limits
from tests.proxy.messages import make_request
from tests.proxy.streams.test_upload import Source

LIMITS = Limits(
    head_bytes=4096, head_fields=20, target_bytes=30, body_bytes=None, connections=10
)  # fmt: skip


def portrait(request: Request) -> dict[str, object]:
    """Return everything that *request* says."""
    fields = request.fields
    parts = {"fields", "trace"}
    said = {name: getattr(request, name) for name in Request.__slots__ if name not in parts}
    for name in Fields.__slots__:
        # `joined`, `known` and the trace are made of the others; `incoming` has no equality.
        if name not in {"joined", "known", "incoming", "lines", "traceparent", "tracestate"}:
            said[f"fields: {name}"] = getattr(fields, name)
    trace = None if request.trace is None else request.trace.lines
    return said | {"lines": b"".join(fields.lines), "trace": trace}


class Connection:
    """Reads as a client connection does; if *keeps*, it looks for a repeated head first."""

    def __init__(self, *, keeps: bool) -> None:
        self.reader = RequestReader(self, RequestNames(frozenset([b"x-user"])), LIMITS)
        self.keeps = keeps
        self.taken: list[object] = []
        self.ends = False

    def request_received(self, request: Request) -> Upload | None:
        self.taken.append(portrait(request))
        self.ends = not request.keep_alive
        if not request.has_body():
            return None
        fields = request.fields
        return Upload(Source(), None if fields.is_chunked else fields.content_length, None)

    def body_ended(self) -> None:
        self.taken.append("body end")

    def read(self, pieces: list[bytes]) -> "Connection":
        reader = self.reader
        for piece in pieces:
            if self.ends:
                break  # what comes behind is not answered
            if self.keeps and not reader.in_message and not reader.is_over:
                kept = reader.repeated_head
                is_repeated = len(piece) == kept.whole_bytes and piece == kept.whole
                known = kept.repeat() if is_repeated else kept.match(piece)
                if known is not None:
                    self.request_received(known)
                    continue
            try:
                reader.feed(piece)
            except (Fault, EarlyBytes) as fault:
                self.taken.append(repr(fault))
        return self


METHODS = ["GET", "GET", "GET", "HEAD", "POST", "PURGE", "get", "TRACE", ""]
TARGETS = [
    "/a?b=%20",
    "/next",
    "/a b",
    "/" + "x" * 40,
    "*",
    "http://h/x",
    "/a#b",
    "/é",
    "/\x01",
    "",
    "next",
]
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
LINES = [
    f"traceparent: {TRACE}",
    f"Traceparent:  {TRACE}",
    "traceparent: 00",
    "tracestate: foo=1 , bar=2",
    "Accept: */*",
    "Authorization: Bearer one",
    "Authorization: Bearer two",
    "X-User: forged",
    "Connection: close",
    "Connection: keep-alive",
    "Via: 1.1 a",
    "X: GET / HTTP/1.1",
    "Content-Length: 0",
]
SECTIONS = [
    ["Accept: */*"],
    ["Accept: */*", "Authorization: Bearer one"],
    ["authorization: Bearer one", "Accept: */*"],
    [f"traceparent: {TRACE}"],
    [f"Traceparent: {TRACE}", "tracestate: foo=1 , bar=2", "Authorization: Bearer one"],
    ["authorization: Bearer one", "Accept: */*", f"traceparent: {TRACE}", "X: y"],
    ["Authorization: Bearer one", f"traceParent: {TRACE}"],
    [],
]
TRACES = [
    b"00-11111111111111111111111111111111-2222222222222222-00",
    b"cc-11111111111111111111111111111111-2222222222222222-03",
    b"cc-11111111111111111111111111111111-2222222222222222-03-more",
    b"00-00000000000000000000000000000000-2222222222222222-00",
    b"00-1111111111111111111111111111111A-2222222222222222-00",
    b"00-11111111111111111111111111111111-2222222222222222-0",
    b"00-11111111111111111111111111111111-2222222222\r\nX: 1-0",
    b"00-11111111111111111111111111111111-2222222222222222\r\n ",
    b"x" * 55,
    b"",
    b" " * 55,
    b"\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\nX: 00-111111111111",
]
TOKENS = [
    b"two",
    b"a.b-c_d~e+f/g==",
    b"x" * 5000,
    b"",
    b" ",
    b" one",
    b"one ",
    b"a b",
    b"a,b",
    b"a\xff",
    b"a\r\nX: 1",
    b"a\r\nAuthorization: Bearer b",
    b"a\r\nContent-Length: 5",
    b"a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer b",
    b"a\nX: 1",
    b"a\rX: 1",
]

request_lines = st.sampled_from(
    [
        *(f"{method} /next HTTP/1.1" for method in METHODS),
        *(f"GET {target} HTTP/1.1" for target in TARGETS),
        *(f"GET /next{end}" for end in (" HTTP/1.0", " HTTP/2.0", " HTTP/1.1 ", "", " http/1.1")),
    ]
)
whole_requests = st.builds(
    lambda method, target, version, lines, host, body: make_request(
        target, *lines, method=method, version=version, host=host, body=body
    ),
    st.sampled_from(METHODS),
    st.sampled_from(TARGETS),
    st.sampled_from(["1.1", "1.1", "1.0"]),
    st.sampled_from(SECTIONS) | st.lists(st.sampled_from(LINES), max_size=3),
    st.sampled_from(["gateway.test", "gateway.test", "other", None]),
    st.sampled_from([None, None, None, b"body"]),
)


@st.composite
def pieces_of_requests(draw: st.DrawFn) -> list[bytes]:
    """Draw a plain request, and others: many have its fields, some come cut or stuck together."""
    lines = draw(st.sampled_from(SECTIONS))
    first = make_request("/first", *lines)
    cut = draw(st.sampled_from([0, 0, 0]) | st.integers(1, len(first) - 1))
    pieces = [first[:cut], first[cut:]] if cut else [first]
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            end = draw(st.sampled_from([ends(first)[0]] * 3 + ends(first)))
            request = draw(request_lines).encode("latin-1") + first[end:]
            if draw(st.booleans()):
                request = request.replace(b"Bearer one", b"Bearer " + draw(st.sampled_from(TOKENS)))
            if draw(st.booleans()):
                request = request.replace(TRACE.encode(), draw(st.sampled_from(TRACES)))
        else:
            request = draw(whole_requests)
        if draw(st.integers(0, 4)):
            pieces.append(request)
        else:
            pieces[-1] += request
    return pieces


def ends(request: bytes) -> list[int]:
    """Return where the lines of *request* end."""
    return [found.start() for found in re.finditer(b"\r\n", request)]


@settings(max_examples=800)
@given(pieces_of_requests())
def test_a_repeated_head_means_what_the_parser_reads(pieces: list[bytes]) -> None:
    """`match` is None, or equal in every respect to what the parser makes of the same bytes."""
    assert Connection(keeps=True).read(pieces).taken == Connection(keeps=False).read(pieces).taken


USUAL = st.builds(
    lambda method, target, lines: make_request(target, *lines, method=method),
    st.sampled_from(["GET", "HEAD", "POST", "DELETE"]),
    st.sampled_from(["/", "/a?b=%20", "/next"]),
    st.sampled_from([*SECTIONS, ["Via: 1.1 a"], ["X-User: forged"]]),
)


@given(st.lists(USUAL, min_size=1, max_size=5), st.lists(st.integers(0, 500), max_size=8))
def test_the_same_requests_are_read_whole_and_split_at_any_offset(
    requests: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(requests)
    borders = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    split = [stream[a:b] for a, b in pairwise(borders) if a < b]

    whole = Connection(keeps=True).read(requests)

    assert len(whole.taken) == len(requests)
    assert Connection(keeps=True).read(split).taken == whole.taken
    assert Connection(keeps=False).read(split).taken == whole.taken


SECTION = make_request("/first", "Accept: */*", "Authorization: Bearer one")


def after(*pieces: bytes) -> RepeatedHead:
    return Connection(keeps=False).read(list(pieces)).reader.repeated_head


def test_a_plain_request_in_one_piece_is_recognised_when_it_is_repeated() -> None:
    match = after(SECTION).match(SECTION.replace(b"/first", b"/second"))

    assert match is not None
    assert (match.method, match.target, match.fields.host) == ("GET", b"/second", b"gateway.test")
    assert match.fields.joined == b"\r\nAccept: */*"


@pytest.mark.parametrize("spelling", [b"Authorization", b"authorization"])
def test_a_request_that_differs_only_in_its_token_is_recognised(
    spelling: bytes,
) -> None:
    first = SECTION.replace(b"Authorization", spelling)
    kept = after(first)

    for token in (b"two", b"three", b"one", b"three"):
        match = kept.match(first.replace(b"one", token))

        assert match is not None
        assert match.fields.authorization == (b"Bearer " + token,)
        assert match.fields.known is None
        assert match.fields.joined == b"\r\nAccept: */*"


TRACED = [
    ["Authorization: Bearer one", "Accept: */*", f"traceparent: {TRACE}", "tracestate: a=1"],
    [f"Traceparent: {TRACE}", "Accept: */*", "Authorization: Bearer one"],
    [f"traceparent: {TRACE}", "Accept: */*"],
]


@pytest.mark.parametrize("lines", TRACED)
def test_a_request_that_differs_only_in_its_trace_is_recognised(lines: list[str]) -> None:
    first = make_request("/first", *lines)
    kept = after(first)
    has_state = "tracestate: a=1" in lines

    for number, token in enumerate((b"one", b"one", b"a-longer-one", b"two")):
        trace = b"%032x" % (number + 1)
        head = first.replace(TRACE.split("-")[1].encode(), trace).replace(b"one", token)
        match = kept.match(head)

        assert match is not None
        assert match.trace is not None
        assert (match.trace.trace_id, match.trace.parent_id) == (trace, b"00f067aa0ba902b7")
        assert match.trace.tracestate == (b"a=1" if has_state else b"")
        assert match.fields.joined == b"\r\nAccept: */*"
        if b"Bearer" in first:
            assert match.fields.authorization == (b"Bearer " + token,)


def test_a_judged_token_stays_judged_with_another_trace() -> None:
    first = make_request("/first", *TRACED[0])
    kept = after(first)
    match = kept.match(first)
    assert match is not None
    match.fields.known = cast(SignedToken, "a good token")

    again = kept.match(first.replace(b"-01", b"-00"))

    assert again is not None
    assert again.fields is match.fields


@pytest.mark.parametrize("trace", TRACES[2:])
@pytest.mark.parametrize("lines", TRACED)
def test_an_unusual_trace_is_left_to_the_parser(lines: list[str], trace: bytes) -> None:
    first = make_request("/first", *lines)

    assert after(first).match(first.replace(TRACE.encode(), trace)) is None


def test_another_token_is_judged_anew() -> None:
    """CVE-2026-35030: a token that shares all but its end with a good one is another token."""
    kept = after(SECTION)
    first = kept.match(SECTION)
    assert first is not None
    first.fields.known = cast(SignedToken, "a good token")

    second = kept.match(SECTION.replace(b"one", b"onf"))
    third = kept.match(SECTION)

    assert second is not None
    assert second.fields.known is None
    assert third is not None
    assert third.fields.known is None


@pytest.mark.parametrize("token", [token for token in TOKENS if token not in TOKENS[:2]])
def test_an_unusual_token_is_left_to_the_parser(token: bytes) -> None:
    assert after(SECTION).match(SECTION.replace(b"one", token)) is None


@pytest.mark.parametrize(
    "pieces",
    [
        [SECTION[:-1], SECTION[-1:]],
        [SECTION[:40], SECTION[40:]],
        [make_request("/first", "Via: 1.1 a")],
        [make_request("/first", method="POST", body=b"x")],
        [make_request("/first", "X: " + "x" * 4096)],
    ],
)
def test_only_a_plain_request_in_one_piece_is_remembered(pieces: list[bytes]) -> None:
    """The end of a head alone would lend the credentials of one request to another."""
    kept = after(*pieces)

    for data in (SECTION, *pieces):
        assert kept.match(data) is None
        for end in ends(data):
            assert kept.match(b"GET /next HTTP/1.1" + data[end:]) is None


@pytest.mark.parametrize("target", [b"/" + b"x" * 30, b"*", b"next", b"/a b", b"/a#b", b""])
def test_an_unusual_target_is_left_to_the_parser(target: bytes) -> None:
    assert after(SECTION).match(SECTION.replace(b"/first", target)) is None


def test_a_reload_forgets_the_last_head() -> None:
    kept = after(SECTION)

    kept.use(LIMITS)

    assert kept.match(SECTION) is None


def test_an_idle_connection_does_not_keep_a_former_policy_in_memory() -> None:
    """Else a policy of thousands of routes would live as long as the last of its connections."""
    kept = after(SECTION)
    request = kept.match(SECTION)
    assert request is not None
    assert request.fields in gc.get_referents(kept)

    kept.use(LIMITS)

    assert request.fields not in gc.get_referents(kept)


@pytest.mark.parametrize("line", [b"", b"\n", b"GET", b"GET /a", b"GET /a HTTP/1.0"])
def test_a_section_without_a_whole_request_line_is_no_request(line: bytes) -> None:
    """Neither before nor after a request line was read with it."""
    kept = after(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")

    before = kept.match(line + b"\r\nHost: h\r\n\r\n")
    known = kept.match(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n")

    assert before is None
    assert known is not None
    assert kept.match(line + b"\r\nHost: h\r\n\r\n") is None


def test_a_repeated_request_line_is_combined_with_the_last_section() -> None:
    kept = after(
        b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: other\r\n\r\n",
    )

    known = kept.match(b"GET /a HTTP/1.1\r\nHost: other\r\n\r\n")

    assert known is not None
    assert (known.target, known.fields.host) == (b"/a", b"other")
    assert kept.match(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n") is None


def test_only_the_last_request_is_recognised_as_a_whole() -> None:
    connection = Connection(keeps=True)
    first = make_request("/a", "Accept: */*")
    second = make_request("/b", "Accept: */*")
    kept = connection.reader.repeated_head

    connection.read([first])
    assert kept.whole_bytes == -1  # the parser read it
    connection.read([first])
    assert (kept.whole, kept.whole_bytes) == (first, len(first))
    connection.read([second])
    assert (kept.whole, kept.repeat().target) == (second, b"/b")
    connection.read([make_request("/a", "Accept: other")])
    assert (kept.whole, kept.whole_bytes) == (b"", -1)


def test_a_reload_forgets_the_last_request() -> None:
    """Its fields hold the decision, and perhaps a name that is an identity field now."""
    connection = Connection(keeps=True)
    request = make_request("/a", "Accept: */*")
    connection.read([request, request])

    connection.reader.use(RequestNames(frozenset([b"accept"])), LIMITS)

    assert connection.reader.repeated_head.whole_bytes == -1
