"""Field names: each spelling is judged once, and by what it could be taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.names import (
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    DROP,
    HOST,
    REFUSED,
    TRANSFER_ENCODING,
    AnswerNames,
    RequestNames,
    without_named,
)
from gateway.settings.values import UnderscoreNames

IDENTITY = frozenset({b"x-gateway-subject"})
TOKEN = st.text("abcdefghijklmnopqrstuvwxyzABCDEFXYZ0123456789-!#$%&'*+.^`|~", min_size=1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"Host", HOST),
        (b"hOST", HOST),
        (b"authorization", AUTHORIZATION),
        (b"Content-Length", CONTENT_LENGTH),
        (b"TRANSFER-ENCODING", TRANSFER_ENCODING),
        (b"connection", CONNECTION),
        (b"Keep-Alive", DROP),
        (b"TE", DROP),
        (b"Proxy-Authorization", DROP),
        (b"X-Forwarded-Anything", DROP),
        (b"X-Original-URL", DROP),
        (b"X_Any", DROP),
        (b"X-Gateway-Subject", DROP),
        (b"x.gateway~subject", DROP),
        (b"http-x-gateway-subject", DROP),
        (b"X.Real.IP", DROP),
        (b"X.Forwarded.For", DROP),
        (b"Content.Length", DROP),
        (b"Transfer~Encoding", DROP),
        (b"Proxy", DROP),
        (b"Accept", b"\r\nAccept: "),
        (b"X-Gateway-Subjects", DROP),
        (b"x.gateway~anything", DROP),
        (b"http-X-Gateway-Anything", DROP),
        (b"X-Gateways", b"\r\nX-Gateways: "),
        (b"X-Gateway", b"\r\nX-Gateway: "),
    ],
)
def test_a_request_field_is_forwarded_dropped_or_means_something_here(
    name: bytes, kind: bytes | int
) -> None:
    assert RequestNames(IDENTITY)[name] == kind


# The names that frame a message or route it, that are set here, or dropped.
RESERVED = [
    "x-gateway-subject", "host", "authorization", "content-length", "transfer-encoding",
    "connection", "upgrade", "expect", "via", "forwarded", "x-forwarded-for", "x-forwarded-proto",
    "x-forwarded-host", "x-forwarded-port", "keep-alive", "proxy-connection", "te", "trailer",
    "proxy-authenticate", "proxy-authorization", "proxy", "x-real-ip", "x-request-id",
    "x-original-url", "x-original-uri", "x-original-method", "x-original-host", "x-http-method",
    "x-http-method-override", "x-method-override", "x-rewrite-url", "x-envoy-original-path",
    "x-envoy-internal", "http2-settings", "traceparent", "tracestate",
]  # fmt: skip


@pytest.mark.parametrize("name", RESERVED)
def test_no_spelling_of_a_name_with_a_meaning_is_kept_with_underscores(name: str) -> None:
    """CVE-2025-64484: to CGI, WSGI and their kin both spellings are one variable."""
    names = RequestNames(IDENTITY, UnderscoreNames.KEEP)

    for spelt in (name.replace("-", "_"), f"http_{name}", f"HTTP_{name.replace('-', '_')}"):
        for cased in (spelt, spelt.upper()):
            assert isinstance(names[cased.encode()], int), cased


@pytest.mark.parametrize("name", [b"X_Any", b"_", b"x_gateways", b"Content_Type", b"a-b_"])
def test_other_names_with_an_underscore_are_what_the_configuration_says(name: bytes) -> None:
    assert RequestNames(IDENTITY)[name] == DROP
    assert RequestNames(IDENTITY, UnderscoreNames.DROP)[name] == DROP
    assert RequestNames(IDENTITY, UnderscoreNames.REJECT)[name] == REFUSED
    assert RequestNames(IDENTITY, UnderscoreNames.KEEP)[name] == b"\r\n" + name + b": "


@pytest.mark.parametrize("name", [b"X_Gateway_Subject", b"content_length", b"HTTP_HOST", b"TE_"])
def test_a_name_with_an_underscore_is_refused_whatever_it_spells(name: bytes) -> None:
    assert RequestNames(IDENTITY, UnderscoreNames.REJECT)[name] == REFUSED


def as_variable(name: str) -> str:
    """Return what CGI calls a field (RFC 3875 §4.1.18), with every sign as an underscore."""
    return "".join(char if char.isalnum() else "_" for char in name.upper())


NEAR = st.builds(
    lambda name, flips: "".join(
        sign if char == "-" else char.swapcase() if flip else char
        for char, (sign, flip) in zip(name, flips, strict=False)
    ),
    st.sampled_from(RESERVED),
    st.lists(st.tuples(st.sampled_from("-_.!~'|"), st.booleans()), min_size=30, max_size=30),
)


@given(NEAR | TOKEN, st.sampled_from(UnderscoreNames))
def test_what_is_forwarded_is_to_no_service_a_field_with_a_meaning(
    name: str, underscore_names: UnderscoreNames
) -> None:
    kind = RequestNames(IDENTITY, underscore_names)[name.encode()]

    is_reserved = as_variable(name) in {as_variable(other) for other in RESERVED}
    assert isinstance(kind, int) or not is_reserved
    assert isinstance(kind, int) or kind == f"\r\n{name}: ".encode()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"Content-Length", CONTENT_LENGTH),
        (b"connection", CONNECTION),
        (b"Keep-Alive", DROP),
        (b"Trailer", DROP),
        (b"Set-Cookie", b"\r\nSet-Cookie: "),
        (b"X_Own", b"\r\nX_Own: "),
    ],
)
def test_an_answer_field_is_forwarded_dropped_or_means_something_here(
    name: bytes, kind: bytes | int
) -> None:
    assert AnswerNames()[name] == kind


@given(TOKEN)
def test_the_case_of_a_name_never_matters(name: str) -> None:
    names = RequestNames(IDENTITY)
    kinds = {
        kind if isinstance(kind, int) else kind.lower()
        for kind in (names[name.encode()], names[name.upper().encode()])
    }

    assert len(kinds) == 1


@pytest.mark.parametrize("names", [RequestNames(IDENTITY), AnswerNames()])
def test_invented_names_do_not_fill_the_memory(names: dict[bytes, bytes | int]) -> None:
    for number in range(10_000):
        name = b"X-%d" % number
        assert names[name] == b"\r\n%b: " % name

    assert len(names) < 5000
    assert names[b"X-9999"] == b"\r\nX-9999: "


def test_names_of_no_honest_length_are_not_remembered() -> None:
    for names in (RequestNames(frozenset()), AnswerNames()):
        assert names[b"x" * 1000] == b"\r\n" + b"x" * 1000 + b": "
        assert not names


def test_fields_that_connection_names_are_taken_out() -> None:
    """9110.1."""
    lines = [b"\r\nX-One: ", b"1", b"\r\nX-Two: ", b"2", b"\r\nx-ONE: ", b"3"]

    assert without_named(lines, b"close,\t x-one ,,") == [b"\r\nX-Two: ", b"2"]
    assert without_named(lines, b"") == lines
