"""Field names: each spelling is judged once, and by what it could be taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.reading.names import (
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    DROP,
    HOST,
    REFUSED,
    TE,
    TRANSFER_ENCODING,
    VIA,
    RequestNames,
    ResponseNames,
    without_named,
)
from gateway.settings.values.configuration import UnderscoreNames

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
        (b"TE", TE),
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
    assert ResponseNames()[name] == kind


@given(TOKEN)
def test_the_case_of_a_name_never_matters(name: str) -> None:
    names = RequestNames(IDENTITY)
    kinds = {
        kind if isinstance(kind, int) else kind.lower()
        for kind in (names[name.encode()], names[name.upper().encode()])
    }

    assert len(kinds) == 1


class Judged(bytes):
    """A field name that counts how often it is judged: only judging looks at its letters."""

    judged = 0

    def lower(self) -> bytes:
        Judged.judged += 1
        return super().lower()


@pytest.fixture(params=[lambda: RequestNames(IDENTITY), ResponseNames], ids=["requests", "answers"])
def names(request: pytest.FixtureRequest) -> RequestNames | ResponseNames:
    made: RequestNames | ResponseNames = request.param()
    return made


def times_judged(names: RequestNames | ResponseNames, name: bytes) -> int:
    """Return how often looking *name* up twice has it judged."""
    before = Judged.judged
    kinds = {names[Judged(name)], names[Judged(name)]}
    assert len(kinds) == 1
    return Judged.judged - before


def flood(names: RequestNames | ResponseNames, start: int = 0, count: int = 10_000) -> None:
    """Look up what 22 requests of a stranger make up, and more."""
    for number in range(start, start + count):
        name = b"X-%d" % number
        assert names[name] == b"\r\n%b: " % name


def test_invented_names_do_not_fill_the_memory(names: RequestNames | ResponseNames) -> None:
    usual = len(names)

    flood(names)

    assert names.evictable <= 2048
    assert len(names) <= usual + 2048


def test_behind_a_flood_of_invented_names_a_new_name_is_judged_once(
    names: RequestNames | ResponseNames,
) -> None:
    """Before, 22 requests filled the table for good, and every later one was read anew."""
    flood(names)

    assert times_judged(names, b"X-Tenant-Of-Ours") == 1
    assert times_judged(names, b"X-Tenant-Of-Ours") == 0


def test_a_name_in_use_is_not_judged_again_during_a_flood(
    names: RequestNames | ResponseNames,
) -> None:
    assert times_judged(names, b"X-Tenant-Of-Ours") == 1
    for start in range(0, 10_000, 500):
        flood(names, start, 500)
        assert times_judged(names, b"X-Tenant-Of-Ours") == 0


@pytest.mark.parametrize("name", [b"Content-Type", b"cache-control", b"X-Request-Id"])
def test_a_usual_name_is_never_judged_again(
    names: RequestNames | ResponseNames, name: bytes
) -> None:
    assert times_judged(names, name) == 0
    flood(names)
    assert times_judged(names, name) == 0


def test_usual_names_mean_what_any_other_name_would() -> None:
    """They are judged beforehand by the same rules, those of the configuration among them."""
    names = RequestNames(frozenset({b"x-tenant-id", b"origin"}))

    assert [names[name] for name in (b"X-Tenant-Id", b"Origin", b"X-Real-IP", b"Via")] == [
        DROP, DROP, DROP, VIA,
    ]  # fmt: skip
    assert names[b"User-Agent"] == b"\r\nUser-Agent: "


def test_names_of_no_honest_length_are_not_remembered(names: RequestNames | ResponseNames) -> None:
    long = b"x" * 1000

    assert names[long] == b"\r\n%b: " % long
    assert long not in names
    assert not names.evictable


def test_fields_that_connection_names_are_taken_out() -> None:
    """9110.1."""
    lines = [b"\r\nX-One: ", b"1", b"\r\nX-Two: ", b"2", b"\r\nx-ONE: ", b"3"]

    assert without_named(lines, b"close,\t x-one ,,") == [b"\r\nX-Two: ", b"2"]
    assert without_named(lines, b"") == lines


@pytest.mark.parametrize(
    ("name", "is_identity"),
    [
        (b"X-User", True),
        (b"x_user", True),
        (b"HTTP_X_USER", True),
        (b"X.Gateway.Any", True),
        (b"X_Mark", False),
        (b"X-Forwarded-Server", False),
    ],
)
@pytest.mark.parametrize("underscore_names", UnderscoreNames)
def test_an_identity_header_is_told_in_any_spelling_whatever_else_is_dropped(
    name: bytes, is_identity: bool, underscore_names: UnderscoreNames
) -> None:
    names = RequestNames(frozenset([b"x-user"]), underscore_names)

    assert names.is_identity(name) is is_identity
