"""A head of HTTP/2 means what the same head means in HTTP/1.1, or is refused as it is there."""

from typing import Any

import httptools
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.decision.reason import Reason
from gateway.http.reading.field_collector import Section
from gateway.http.reading.h2_head import H2HeadReader
from gateway.http.reading.head_builder import HeadBuilder
from gateway.http.reading.names import RequestNames
from gateway.http.reading.request import HTTP_2, Request
from gateway.settings.values.configuration import Limits
from tests.proxy.client.test_repeated_head import portrait

LIMITS = Limits(
    head_bytes=4096, head_fields=20, target_bytes=200, body_bytes=None, connections=10
)  # fmt: skip
NAMES = RequestNames(frozenset([b"x-user"]))
KEY = b"a2V5a2V5a2V5a2V5a2V5aw=="
PSEUDO = ((b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a"), (b":path", b"/x"))


def read(*fields: tuple[bytes, bytes], has_body: bool = False, **pseudo: bytes) -> Request:
    """Return the request with *fields*; *pseudo* replaces usual pseudo-fields, if empty too."""
    return reader_of(*fields, has_body=has_body, **pseudo)[1]


def reader_of(
    *fields: tuple[bytes, bytes], has_body: bool = False, **pseudo: bytes
) -> tuple[H2HeadReader, Request]:
    reader = H2HeadReader(NAMES, LIMITS)
    changed = dict(PSEUDO) | {b":" + name.encode(): value for name, value in pseudo.items()}
    return reader, reader.read((*changed.items(), *fields), has_body, KEY)


def is_malformed(headers: Section, *, has_body: bool = False) -> bool:
    reader = H2HeadReader(NAMES, LIMITS)
    request = reader.read(headers, has_body, KEY)
    if reader.is_malformed:
        assert request.fields.fault is not None
        assert request.fields.fault.reason is Reason.REQUEST_MALFORMED
        assert not request.is_plain
    return reader.is_malformed


class Http11:
    """Reads one head as the data port reads HTTP/1.1."""

    def __init__(self, text: bytes) -> None:
        self.builder = HeadBuilder(NAMES, LIMITS)
        self.on_url, self.on_header = self.builder.on_url, self.builder.on_header
        self.request: Request | None = None
        self.parser: Any = httptools.HttpRequestParser(self)
        self.builder.add_piece(text, False)
        try:
            self.parser.feed_data(text)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError:
            self.request = None

    def on_message_begin(self) -> None:
        self.builder.begin()

    def on_headers_complete(self) -> None:
        self.request = self.builder.complete(self.parser)


def http11(method: bytes, target: bytes, *fields: tuple[bytes, bytes]) -> Request | None:
    lines = b"".join(b"%b: %b\r\n" % field for field in fields)
    return Http11(b"%b %b HTTP/1.1\r\nHost: a\r\n%b\r\n" % (method, target, lines)).request


def settled(request: Request | None) -> dict[str, object] | None:
    """Return all that is said of *request* once it is checked, but its version; None if refused."""
    if request is None:
        return None
    request.check(LIMITS.target_bytes, b"gateway-x")
    said = portrait(request)
    fault = said.pop("fields: fault")
    return None if fault is not None else {k: v for k, v in said.items() if k != "version"}


TOKENS = st.sampled_from([b"Bearer a.b.c", b"Bearer ~", b"Basic YTpi", b"Negotiate x", b""])
VALUES = st.one_of(
    st.sampled_from([b"1", b"", b"a, b", b"a b", b"\xe4"]),
    st.binary(max_size=6).filter(lambda v: v.strip(b" \t") == v),
)
FIELDS = st.one_of(
    st.tuples(
        st.sampled_from([b"accept", b"x-user", b"via", b"x_user", b"x-forwarded-for"]), VALUES
    ),
    st.tuples(st.just(b"authorization"), TOKENS),
    st.tuples(st.just(b"traceparent"), st.just(b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01")),
    st.tuples(st.sampled_from([b"content-length"]), st.sampled_from([b"0", b"7", b"x", b"+1"])),
    st.tuples(st.sampled_from([b"expect"]), st.sampled_from([b"100-continue", b"x"])),
)
METHODS = st.sampled_from(
    [b"GET", b"HEAD", b"POST", b"get", b"FOO", b"M-SEARCH", b"TRACE", b"OPTIONS", b"QUERY"]
)
TARGETS = st.one_of(
    st.sampled_from([b"/x", b"/x?y", b"/a#b", b"/a\\b", b"//", b"/%2e", b"/a b", b"/\x80"]),
    st.binary(max_size=4).map(lambda tail: b"/" + tail),
)


@given(method=METHODS, target=TARGETS, fields=st.lists(FIELDS, max_size=4))
def test_a_head_means_what_it_means_in_http_1_1(
    method: bytes, target: bytes, fields: list[tuple[bytes, bytes]]
) -> None:
    """9113.1: what HTTP/1.1 refuses is refused, and all else is the same request."""
    length = next((value for name, value in fields if name == b"content-length"), None)
    has_body = length is not None and length.isdigit() and length != b"0"
    pseudo = (
        (b":method", method),
        (b":scheme", b"http"),
        (b":authority", b"a"),
        (b":path", target),
    )
    reader = H2HeadReader(NAMES, LIMITS)
    ours = settled(reader.read((*pseudo, *fields), has_body, KEY))
    # A line break in the text for HTTP/1.1 would be the end of a line.
    assume(not any(b"\n" in value or b"\r" in value for _, value in (*pseudo, *fields)))
    assert ours == settled(http11(method, target, *fields))


@given(byte=st.integers(0, 255))
def test_no_byte_of_a_target_or_value_is_let_through_that_http_1_1_refuses(byte: int) -> None:
    one = bytes([byte])
    ours = read(path=b"/a%bb" % one).fields.fault is None
    theirs = http11(b"GET", b"/a%bb" % one)
    assert ours == (theirs is not None and theirs.fields.fault is None)
    assert (
        read((b"x", b"a%bb" % one)).fields.fault is None
        or one in b"\r\n"
        or byte < 32
        or byte == 127
    )


METHODS_OF_THE_PARSER = [
    *b"GET HEAD POST PUT PATCH DELETE OPTIONS ACL BIND CHECKOUT COPY LINK LOCK M-SEARCH".split(),
    *b"MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY PROPFIND PROPPATCH PURGE QUERY".split(),
    *b"REBIND REPORT SEARCH SUBSCRIBE UNBIND UNLINK UNLOCK UNSUBSCRIBE".split(),
]


@pytest.mark.parametrize("method", METHODS_OF_THE_PARSER)
def test_every_method_that_http_1_1_knows_is_known(method: bytes) -> None:
    theirs = http11(method, b"/")
    request = read(method=method)
    assert request.method == method.decode()
    assert request.fields.fault is None
    assert theirs is None or theirs.method == request.method


@pytest.mark.parametrize("method", [b"get", b"FOO", b"Get", b"GET ", b"", b"G\xe4T"])
def test_an_unknown_method_is_refused_and_is_in_no_line_or_metric(method: bytes) -> None:
    request = read(method=method)
    assert request.method == ""
    assert request.fields.fault is not None
    assert request.fields.fault.reason is Reason.REQUEST_MALFORMED


WRONG = {
    "9113.2: no :method": PSEUDO[1:],
    "9113.2: no :scheme": (PSEUDO[0], *PSEUDO[2:]),
    "9113.2: no :path": PSEUDO[:3],
    "9113.2: an empty :path": (*PSEUDO[:3], (b":path", b"")),
    "9113.2: :path without a slash": (*PSEUDO[:3], (b":path", b"x")),
    "9113.2: :path is a URL": (*PSEUDO[:3], (b":path", b"http://b/x")),
    "9113.2: a star without OPTIONS": (*PSEUDO[:3], (b":path", b"*")),
    "9113.2: :path with a space": (*PSEUDO[:3], (b":path", b"/ HTTP/1.1")),
    "9113.2: :path with a line end": (*PSEUDO[:3], (b":path", b"/\r\nx: y")),
    "9113.3: :method twice": (PSEUDO[0], *PSEUDO),
    "9113.3: :path twice": (*PSEUDO, (b":path", b"/y")),
    "9113.3: an unknown pseudo-field": (*PSEUDO, (b":status", b"200")),
    "9113.3: a pseudo-field after a field": (*PSEUDO[:3], (b"x", b"y"), PSEUDO[3]),
    "9113.4: an upper-case name": (*PSEUDO, (b"X-A", b"y")),
    "9113.4: an empty name": (*PSEUDO, (b"", b"y")),
    "9113.4: a name with a colon": (*PSEUDO, (b"x:y", b"z")),
    "9113.4: a name with a space": (*PSEUDO, (b"x y", b"z")),
    "9113.4: a name with a line end": (*PSEUDO, (b"x\r\ny", b"z")),
    "9113.5: a value with a line end": (*PSEUDO, (b"x", b"y\r\nx-user: root")),
    "9113.5: a value with a line feed": (*PSEUDO, (b"x", b"y\nz")),
    "9113.5: a value with a NUL": (*PSEUDO, (b"x", b"y\0")),
    "9113.5: a value that begins with a space": (*PSEUDO, (b"x", b" y")),
    "9113.5: a value that ends with a tab": (*PSEUDO, (b"x", b"y\t")),
    "9113.6: Connection": (*PSEUDO, (b"connection", b"close")),
    "9113.6: Upgrade": (*PSEUDO, (b"upgrade", b"websocket")),
    "9113.6: Keep-Alive": (*PSEUDO, (b"keep-alive", b"timeout=1")),
    "9113.6: Proxy-Connection": (*PSEUDO, (b"proxy-connection", b"close")),
    "9113.6: Transfer-Encoding": (*PSEUDO, (b"transfer-encoding", b"chunked")),
    "9113.6: TE with gzip": (*PSEUDO, (b"te", b"gzip")),
    "9113.6: TE with more": (*PSEUDO, (b"te", b"trailers, gzip")),
    "9113.7: Host is another": (*PSEUDO, (b"host", b"b")),
    "9113.7: Host has another port": (*PSEUDO, (b"host", b"a:443")),
    "9113.7: user information": (*PSEUDO[:2], (b":authority", b"b@a"), PSEUDO[3]),
    "9113.8: CONNECT with a path": ((b":method", b"CONNECT"), *PSEUDO[1:]),
    "9113.8: CONNECT without authority": ((b":method", b"CONNECT"),),
    "8441.2: :protocol with GET": (*PSEUDO, (b":protocol", b"websocket")),
    "9113.9: a Content-Length without a body": (*PSEUDO, (b"content-length", b"3")),
    "no field at all": (),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_malformed_head_resets_its_stream(name: str) -> None:
    assert is_malformed(WRONG[name])


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_a_malformed_head_is_not_remembered_and_the_next_one_is_well(headers: Section) -> None:
    reader = H2HeadReader(NAMES, LIMITS)
    for _ in range(2):
        reader.read(headers, False, KEY)
        assert reader.is_malformed
        assert reader.read(PSEUDO, False, KEY).is_plain
        assert not reader.is_malformed


def test_te_with_trailers_is_allowed_and_not_forwarded() -> None:
    request = read((b"te", b"trailers"))
    assert request.is_plain
    assert request.fields.lines == []


@pytest.mark.parametrize(
    ("trailers", "reason"),
    [
        (((b"x-sum", b"1"),), None),
        (((b"x", b"1"),) * 20, None),
        (((b"x", b"1"),) * 21, Reason.HEADERS_TOO_LARGE),
        (((b"x", b"a" * 4095),), None),
        (((b"x", b"a" * 4096),), Reason.HEADERS_TOO_LARGE),
        (((b"x-sum", b"1\r\nx-user: root"),), Reason.REQUEST_MALFORMED),
        (((b"x-sum: 1\r\nx-user", b"root"),), Reason.REQUEST_MALFORMED),
        (((b"X-Sum", b"1"),), Reason.REQUEST_MALFORMED),
        (((b"", b"1"),), Reason.REQUEST_MALFORMED),
        (((b":path", b"/y"),), Reason.REQUEST_MALFORMED),
        (((b"transfer-encoding", b"chunked"),), Reason.REQUEST_MALFORMED),
    ],
)
def test_trailers_are_fields_of_the_size_of_a_head(
    trailers: Section, reason: Reason | None
) -> None:
    """9113.4, 9113.5: whatever the library has checked, a line of HTTP/1.1 stays one line."""
    reader = H2HeadReader(NAMES, LIMITS)

    fault = reader.check_trailers(trailers)

    assert (None if fault is None else fault.reason) is reason
    assert reader.is_malformed == (reason is Reason.REQUEST_MALFORMED)


def test_a_scheme_that_is_not_http_is_refused_as_in_an_absolute_target() -> None:
    reader, request = reader_of(scheme=b"ftp")
    assert not reader.is_malformed
    assert request.fields.fault is not None
    assert request.fields.fault.reason is Reason.PATH_REJECTED


def test_host_stands_for_a_missing_authority() -> None:
    """9113.7: Host is used where there is no :authority."""
    reader = H2HeadReader(NAMES, LIMITS)
    request = reader.read((*PSEUDO[:2], PSEUDO[3], (b"host", b"b")), False, KEY)
    assert request.fields.host == b"b"
    assert request.fields.fault is None
    request.check(100, b"p")
    assert request.fields.fault is None


def test_a_host_that_repeats_authority_changes_nothing() -> None:
    request = read((b"host", b"A"))
    assert request.fields.host == b"a"
    assert request.fields.fault is None


def test_two_hosts_without_authority_are_refused() -> None:
    reader = H2HeadReader(NAMES, LIMITS)
    headers = (*PSEUDO[:2], PSEUDO[3], (b"host", b"a"), (b"host", b"b"))
    assert reader.read(headers, False, KEY).fields.fault is not None


def test_without_authority_and_host_there_is_no_host() -> None:
    request = read(authority=b"")
    request.check(100, b"p")
    assert request.fields.fault is not None
    assert request.fields.fault.detail == "no Host field"


def test_connect_is_not_supported() -> None:
    reader = H2HeadReader(NAMES, LIMITS)
    request = reader.read(((b":method", b"CONNECT"), (b":authority", b"a:1")), True, KEY)
    assert not request.has_body()
    request.check(100, b"p")
    assert request.fields.fault is not None
    assert request.fields.fault.reason is Reason.NOT_SUPPORTED


def test_cookie_crumbs_are_one_field_again() -> None:
    """9113.10: crumbs of Cookie are joined before HTTP/1.1 sees them."""
    request = read((b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2"), (b"cookie", b"c=3"))
    assert request.fields.lines == [b"\r\nx: ", b"y", b"\r\ncookie: ", b"a=1; b=2; c=3"]


def test_a_body_of_unknown_length_is_chunked() -> None:
    assert read(has_body=True).fields.is_chunked
    assert not read(has_body=False).fields.is_chunked
    request = read((b"content-length", b"3"), has_body=True)
    assert (request.fields.is_chunked, request.fields.content_length) == (False, 3)
    assert not request.is_plain


def test_too_many_fields_are_refused_and_the_stream_is_not_reset() -> None:
    reader, request = reader_of(*[(b"x", b"y")] * 21)
    assert not reader.is_malformed
    assert request.fields.fault is not None
    assert request.fields.fault.reason is Reason.HEADERS_TOO_LARGE


def test_the_size_of_all_fields_is_bounded() -> None:
    request = read(*[(b"x", b"y" * 500)] * 9)
    assert request.fields.fault is not None
    assert request.fields.fault.reason is Reason.HEADERS_TOO_LARGE


# --- WebSocket


def connect(*fields: tuple[bytes, bytes], has_body: bool) -> tuple[H2HeadReader, Request]:
    return reader_of(*fields, has_body=has_body, method=b"CONNECT", protocol=b"websocket")


def test_an_extended_connect_is_the_upgrade_that_it_stands_for() -> None:
    """8441.1: the request is forwarded as a WebSocket handshake of HTTP/1.1."""
    _, request = connect((b"sec-websocket-version", b"13"), has_body=True)
    request.check(100, b"p")
    assert request.fields.fault is None
    assert (request.method, request.target) == ("GET", b"/x")
    assert request.wants_upgrade
    assert not request.has_body()
    assert request.fields.upgrade == b"websocket"
    assert request.fields.only(b"sec-websocket-key") == KEY


def test_an_extended_connect_is_never_remembered() -> None:
    reader, first = connect(has_body=False)
    assert not first.is_plain
    assert reader.read((*PSEUDO[1:], (b":method", b"GET")), False, KEY).wants_upgrade is False


# --- what is repeated


TRACE = b"00-%b-%b-01"
HEADS = st.tuples(
    st.sampled_from([b"GET", b"POST", b"get", b"CONNECT"]),
    st.sampled_from([b"/x", b"/y?z", b"/#", b"x", b"/" + b"a" * 300]),
    st.sampled_from([b"a", b"b", b"a@b"]),
    st.sampled_from([b"http", b"https", b"ftp"]),
    st.lists(
        st.one_of(
            st.tuples(
                st.just(b"authorization"),
                st.sampled_from([b"Bearer x", b"Bearer y", b"Bearer ", b"Bearer y,z", b"Basic x"]),
            ),
            st.tuples(
                st.just(b"traceparent"),
                st.sampled_from([TRACE % (c * 32, c * 16) for c in (b"1", b"2", b"0")]),
            ),
            st.tuples(st.sampled_from([b"accept", b"x-user"]), st.sampled_from([b"1", b"2"])),
            st.tuples(st.just(b"cookie"), st.sampled_from([b"a=1", b"b=2"])),
            st.just((b"tracestate", b"a=1")),
            st.just((b"content-length", b"0")),
        ),
        max_size=4,
    ),
)


@given(heads=st.lists(st.tuples(HEADS, st.booleans()), max_size=8))
def test_what_is_remembered_changes_nothing_but_the_cost(
    heads: list[tuple[tuple[bytes, bytes, bytes, bytes, list[tuple[bytes, bytes]]], bool]],
) -> None:
    """Whatever came before on a connection, a head means what it means alone."""
    reader = H2HeadReader(NAMES, LIMITS)
    for (method, path, authority, scheme, fields), has_body in heads:
        pseudo = ((b":method", method), (b":scheme", scheme))
        headers = (*pseudo, (b":authority", authority), (b":path", path), *fields)
        alone = H2HeadReader(NAMES, LIMITS)
        expected = alone.read(headers, has_body, KEY)
        request = reader.read(headers, has_body, KEY)
        assert portrait(request) == portrait(expected)
        assert request.version == HTTP_2
        if expected.fields.fault is not None:
            assert reader.is_malformed == alone.is_malformed


def test_a_repeated_head_shares_its_fields_and_so_what_was_learnt_of_them() -> None:
    reader, first = reader_of((b"authorization", b"Bearer x"))
    second = reader.read((*PSEUDO, (b"authorization", b"Bearer x")), False, KEY)
    third = reader.read(
        (*PSEUDO[:3], (b":path", b"/y"), (b"authorization", b"Bearer x")), False, KEY
    )
    assert first.fields is second.fields is third.fields
    assert third.target == b"/y"
    assert second.target is first.target


def test_another_token_shares_the_other_fields_only() -> None:
    reader, first = reader_of((b"accept", b"*"), (b"authorization", b"Bearer x"))
    first.fields.known = object()  # type: ignore[assignment]
    headers = (*PSEUDO, (b"accept", b"*"), (b"authorization", b"Bearer y"))
    second = reader.read(headers, False, KEY)
    assert second.fields.authorization == (b"Bearer y",)
    assert second.fields.known is None
    assert second.fields.joined is first.fields.joined
    assert reader.read(headers, False, KEY).fields is second.fields


def test_a_traceparent_of_its_own_changes_only_the_trace() -> None:
    def headers(digit: bytes) -> Section:
        return (*PSEUDO, (b"traceparent", TRACE % (digit * 32, digit * 16)))

    reader = H2HeadReader(NAMES, LIMITS)
    first = reader.read(headers(b"1"), False, KEY)
    second = reader.read(headers(b"2"), False, KEY)
    assert first.fields is second.fields
    assert second.trace is not None
    assert second.trace.trace_id == b"2" * 32


def test_another_configuration_forgets_what_was_remembered() -> None:
    reader, first = reader_of((b"x-role", b"admin"))
    assert first.fields.lines
    reader.use(RequestNames(frozenset([b"x-role"])), LIMITS)
    second = reader.read((*PSEUDO, (b"x-role", b"admin")), False, KEY)
    assert second.fields.lines == []


def test_a_large_section_is_not_remembered() -> None:
    reader, first = reader_of((b"x", b"y" * 3000))
    assert first.is_plain
    again = reader.read((*PSEUDO, (b"x", b"y" * 3000)), False, KEY)
    assert again.fields is not first.fields
