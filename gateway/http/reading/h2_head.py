"""Read the head of a request from the fields of HTTP/2 (RFC 9113 §8.3): what HTTP/1.1 would mean.

It reads what a framing library has decoded, and believes nothing of it: whatever the library
checks, a head that is forwarded in HTTP/1.1 must be well-formed there.
"""

from collections.abc import Sequence
from typing import Final

from gateway.decision.reason import Reason
from gateway.http.reading.faults import Fault
from gateway.http.reading.field_collector import FieldCollector, Section, too_many_fields
from gateway.http.reading.fields import Fields
from gateway.http.reading.names import RequestNames
from gateway.http.reading.request import HTTP_2, USUAL_METHODS, Request
from gateway.http.reading.trace_context import ReceivedTrace, read_trace
from gateway.settings.values.configuration import Limits

# Besides the usual ones, what the parser of HTTP/1.1 knows. A request with any other is refused
# there, too.
_RARE_METHODS: Final = """
    ACL BIND CHECKOUT CONNECT COPY LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY
    PROPFIND PROPPATCH PURGE QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK
    UNSUBSCRIBE
"""
_METHODS: Final = {name.encode(): name for name in (*USUAL_METHODS, *_RARE_METHODS.split())}
_USUAL_METHODS: Final = {name.encode(): name for name in USUAL_METHODS}

_PSEUDO: Final = frozenset((b":method", b":scheme", b":authority", b":path", b":protocol"))
_SCHEMES: Final = frozenset((b"http", b"https"))

# RFC 9113 §8.2.2: they are about a connection of HTTP/1.1.
_OF_CONNECTIONS: Final = frozenset(
    (b"connection", b"upgrade", b"keep-alive", b"proxy-connection", b"transfer-encoding")
)
_SPECIAL: Final = _OF_CONNECTIONS | {b"te", b"host", b"cookie"}

# RFC 9110 §5.6.2, a token, without upper case (RFC 9113 §8.2).
_NAME_BYTES: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
# RFC 9110 §5.5: also bytes above ASCII, which HTTP/1.1 forwards.
_VALUE_BYTES: Final = b"\t" + bytes(byte for byte in range(0x20, 0x100) if byte != 0x7F)
_TARGET_BYTES: Final = bytes(range(0x21, 0x7F))
_TOKEN_BYTES: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

# The most memory that a remembered section takes, on each connection. It also leaves half of a
# head to the target, so that a section and a target that fit are never too large together.
_MAX_BYTES: Final = 4096

_NO_FIELDS: Final = Fields()
_NOWHERE: Final = -1


class H2HeadReader:
    """Reads the heads on one connection, and remembers the last plain one.

    Most clients send the same fields again on the same connection; then the ones before are used
    again, with what was learnt of them. Only the method and the target are read anew, and the
    bearer token and the traceparent if they differ.

    *is_malformed* says that the last head was malformed (RFC 9113 §8.1.1), so that its stream is
    reset; anything else that is wrong gets a response.
    """

    __slots__ = (
        "_authority",
        "_collector",
        "_fields",
        "_head_bytes",
        "_limits",
        "_method",
        "_names",
        "_pseudo_count",
        "_section",
        "_target",
        "_target_bytes",
        "_token_at",
        "_trace",
        "_trace_at",
        "_whole",
        "_whole_trace",
        "is_malformed",
    )

    def __init__(self, names: RequestNames, limits: Limits) -> None:
        self._collector = FieldCollector(names, limits)
        self.is_malformed = False
        self.use(names, limits)

    def use(self, names: RequestNames, limits: Limits) -> None:
        """Read on under another configuration; forget all, since it may mean something else."""
        self._collector.use(names, limits)
        self._names = names
        self._limits = limits
        self._head_bytes = min(limits.head_bytes // 2, _MAX_BYTES)
        self._target_bytes = min(limits.target_bytes, limits.head_bytes - self._head_bytes)
        # The last plain head, its section, and what they mean.
        self._whole: Section | None = None
        self._whole_trace: ReceivedTrace | None = None
        self._section: Section = ()
        self._pseudo_count = 0
        self._method, self._target, self._authority = "", b"", b""
        self._fields = _NO_FIELDS
        self._trace: ReceivedTrace | None = None
        self._token_at = self._trace_at = _NOWHERE

    def read(self, headers: Section, has_body: bool, websocket_key: bytes) -> Request:
        """Return the request with *headers*, of which pseudo-fields are the first.

        *has_body* says that its stream has not ended. *websocket_key* is forwarded as the
        Sec-WebSocket-Key of a WebSocket, since HTTP/2 has none (RFC 8441 §5).
        """
        self.is_malformed = False
        if not has_body:
            if headers == self._whole:
                return self._plain(self._method, self._target, self._fields, self._whole_trace)
            request = self._repeat(headers)
            if request is not None:
                return request
        return self._read_anew(headers, has_body, websocket_key)

    def check_trailers(self, headers: Section) -> Fault | None:
        """Return what is wrong with the trailers *headers*, or None; *is_malformed* as for a head.

        Whatever the library checks, in HTTP/1.1 no line of them may become two.
        """
        names, values = [name for name, _ in headers], [value for _, value in headers]
        limits = self._limits
        if len(names) > limits.head_fields:
            return Fault(Reason.HEADERS_TOO_LARGE, too_many_fields(limits))
        if sum(map(len, names + values)) > limits.head_bytes:
            return Fault(Reason.HEADERS_TOO_LARGE, "the trailers are too large")
        fault = find_section_fault(names, values)
        self.is_malformed = fault is not None
        return None if fault is None else Fault(Reason.REQUEST_MALFORMED, fault)

    # --- what is repeated

    @staticmethod
    def _plain(method: str, target: bytes, fields: Fields, trace: ReceivedTrace | None) -> Request:
        request = Request(method, target, fields, trace)
        request.version = HTTP_2
        return request

    def _repeat(self, headers: Section) -> Request | None:
        """Return the request with *headers*, if they repeat the remembered section.

        Return None in case of doubt: then they are read anew.
        """
        last, count = self._section, self._pseudo_count
        if len(headers) != count + len(last) or not last:
            return None
        section, fields, trace = headers[count:], self._fields, self._trace
        if section != last:
            found = self._find_known(section)
            if found is None:
                return None
            fields, trace = found
        pseudo = dict(headers[:count])
        target = pseudo.get(b":path", b"")
        method = _USUAL_METHODS.get(pseudo.get(b":method", b""))
        if (
            method is None
            or len(pseudo) != count
            or pseudo.get(b":authority") != self._authority
            or pseudo.get(b":scheme") not in _SCHEMES
            or target[:1] != b"/"
            or target.translate(None, _TARGET_BYTES)
            or b"#" in target
            or len(target) > self._target_bytes
        ):
            return None
        self._whole, self._whole_trace, self._section = headers, trace, section
        self._method, self._target, self._fields, self._trace = method, target, fields, trace
        return self._plain(method, target, fields, trace)

    def _find_known(self, section: Section) -> tuple[Fields, ReceivedTrace | None] | None:
        """Return what *section* means, if only token and traceparent differ from the last."""
        fields, trace, last = self._fields, self._trace, self._section
        alike = list(section)
        at = self._token_at
        if at != _NOWHERE and section[at] != last[at]:
            name, value = section[at]
            token = value[7:]
            if name != b"authorization" or value[:7] != b"Bearer " or not token:
                return None
            if token.translate(None, _TOKEN_BYTES):
                return None
            alike[at], fields = last[at], fields.with_authorization(value)
        at = self._trace_at
        if at != _NOWHERE and trace is not None and section[at] != last[at]:
            name, value = section[at]
            trace = read_trace(value, trace.tracestate) if name == b"traceparent" else None
            if trace is None:
                return None
            alike[at] = last[at]
        return (fields, trace) if tuple(alike) == last else None

    def _remember(self, headers: Section, count: int, size: int, request: Request) -> None:
        """Remember the plain *request*, of whose *headers* the first *count* are pseudo-fields."""
        if size > self._head_bytes or not request.is_plain:
            return
        fields, trace = request.fields, request.trace
        fields.joined = b"".join(fields.lines)
        self._whole, self._whole_trace = headers, trace
        self._section, self._pseudo_count = section, _ = headers[count:], count
        self._method, self._target, self._authority = request.method, request.target, fields.host
        self._fields, self._trace = fields, trace
        names = [name for name, _ in section]
        self._token_at = self._trace_at = _NOWHERE
        if fields.authorization and fields.authorization[0].startswith(b"Bearer "):
            self._token_at = names.index(b"authorization")
        if trace is not None and names.count(b"traceparent") == 1:
            self._trace_at = names.index(b"traceparent")

    # --- what is new

    def _read_anew(self, headers: Section, has_body: bool, websocket_key: bytes) -> Request:
        pseudo: dict[bytes, bytes] = {}
        for name, value in headers:
            if name[:1] != b":":
                break
            if name in pseudo or name not in _PSEUDO:
                self.is_malformed = True
            pseudo[name] = value
        count = len(pseudo)
        section = headers[count:]
        fields = self._collector.fields = Fields()
        request = Request("", b"", fields)
        request.version = HTTP_2
        self._read_line(request, pseudo)
        self._read_section(request, section)
        self._collector.fields = None
        self._frame(request, has_body)
        if b":protocol" in pseudo and not self.is_malformed:
            self._open_tunnel(request, pseudo[b":protocol"], websocket_key)
        size = sum(len(name) + len(value) for name, value in headers) + 4 * len(headers)
        self._collector.settle(request, size)
        if b":authority" in pseudo and not self.is_malformed:
            self._remember(headers, count, size, request)
        return request

    def _fail(self, request: Request, detail: str) -> None:
        """Note that *request* is malformed (RFC 9113 §8.1.1)."""
        self.is_malformed = True
        request.fields.find(Reason.REQUEST_MALFORMED, detail)

    def _read_line(self, request: Request, pseudo: dict[bytes, bytes]) -> None:
        """Read the pseudo-fields, which stand for the request line (RFC 9113 §8.3.1)."""
        fields, method = request.fields, pseudo.get(b":method")
        if self.is_malformed:
            self._fail(request, "a pseudo-field that is unknown, or came twice")
        if method is None:
            self._fail(request, "no :method")
            return
        request.method = _METHODS.get(method, "")
        fields.host = pseudo.get(b":authority", b"")
        if b"@" in fields.host:
            self._fail(request, "user information in :authority")
        if not request.method:
            fields.find(Reason.REQUEST_MALFORMED, "an unknown method; methods are in upper case")
        if method == b"CONNECT" and b":protocol" not in pseudo:
            request.target, request.wants_upgrade = fields.host, True
            if len(pseudo) != 2 or not fields.host:
                self._fail(request, "CONNECT takes :authority alone")
            return
        self._read_target(request, pseudo)

    def _read_target(self, request: Request, pseudo: dict[bytes, bytes]) -> None:
        fields = request.fields
        target, scheme = pseudo.get(b":path", b""), pseudo.get(b":scheme", b"")
        if not target or not scheme:
            self._fail(request, "no :path" if scheme else "no :scheme")
            return
        if target.translate(None, _TARGET_BYTES):
            self._fail(request, "a byte in :path that no target has")
            return
        request.target = target
        if target[:1] != b"/" and (target != b"*" or request.method != "OPTIONS"):
            # RFC 9113 §8.3.1. In HTTP/1.1 it could be another authority.
            self._fail(request, "a :path that does not begin with a slash")
        elif scheme.lower() not in _SCHEMES:
            fields.find(Reason.PATH_REJECTED, "the scheme is neither http nor https")
        if b":protocol" in pseudo and request.method != "CONNECT":
            self._fail(request, ":protocol with another method than CONNECT")

    def _read_section(self, request: Request, section: Section) -> None:
        names = [name for name, _ in section]
        values = [value for _, value in section]
        fault = find_section_fault(names, values)
        if fault is not None:
            self._fail(request, fault)
            return
        add = self._collector.on_header
        if _SPECIAL.isdisjoint(names):
            for name, value in section:
                add(name, value)
            return
        crumbs: list[bytes] = []
        for name, value in section:
            if name == b"cookie":
                crumbs.append(value)
            elif name == b"host":
                self._compare_host(request, value)
            else:
                add(name, value)
        if crumbs:
            # RFC 9113 §8.2.3: one field again, before HTTP/1.1 sees it.
            add(b"cookie", b"; ".join(crumbs))

    def _compare_host(self, request: Request, value: bytes) -> None:
        """Take Host for a missing :authority; both must be the same (RFC 9113 §8.3.1)."""
        fields = request.fields
        if not fields.host:
            self._collector.on_header(b"host", value)
        elif fields.host.lower() != value.lower():
            self._fail(request, ":authority and Host differ")
        fields.is_plain = False  # which is not remembered, or it would cost every request

    def _frame(self, request: Request, has_body: bool) -> None:
        """Note how the body is framed in HTTP/1.1, if there is one."""
        fields = request.fields
        if has_body and fields.content_length is None and not request.wants_upgrade:
            fields.is_chunked, fields.is_plain = True, False
        elif not has_body and fields.content_length:
            self._fail(request, "a Content-Length without a body")

    def _open_tunnel(self, request: Request, protocol: bytes, key: bytes) -> None:
        """Turn an extended CONNECT into the upgrade of HTTP/1.1 that it stands for (RFC 8441)."""
        fields = request.fields
        if fields.content_length is not None:
            self._fail(request, "a Content-Length in a CONNECT")
        request.method, request.wants_upgrade = "GET", True
        fields.is_chunked = False
        fields.upgrade = protocol
        fields.lines += (b"\r\nSec-WebSocket-Key: ", key)


def find_section_fault(names: Sequence[bytes], values: Sequence[bytes]) -> str | None:
    """Return what is wrong with the names and values of a section, or None (RFC 9113 §8.2)."""
    if b"" in names or b"".join(names).translate(None, _NAME_BYTES):
        is_late = any(name[:1] == b":" for name in names)
        return "a pseudo-field after other fields" if is_late else "not a field name in lower case"
    if b"".join(values).translate(None, _VALUE_BYTES):
        return "a control character in a field value"
    if any(value.strip(b" \t") != value for value in values):
        return "a field value that begins or ends with white space"
    if not _OF_CONNECTIONS.isdisjoint(names):
        return "a field about a connection of HTTP/1.1"
    if b"te" in names and any(
        name == b"te" and value.lower() != b"trailers"
        for name, value in zip(names, values, strict=True)
    ):
        return "TE with another value than trailers"
    return None
