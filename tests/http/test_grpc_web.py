"""gRPC-Web becomes gRPC and back, however its bytes are cut."""

from base64 import b64decode, b64encode
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.grpc_web import (
    MalformedText,
    MessageBorders,
    TextDecoder,
    WebForm,
    encode_piece,
    find_web_form,
    grpc_fields,
    has_status,
    trailers_frame,
    web_fields,
)
from gateway.http.reading.fields import Fields
from gateway.http.reading.request import Request

BINARY = WebForm(False, False, b"+proto")
TEXT = WebForm(True, True, b"+proto")


def make_request(method: str = "POST", **fields: str) -> Request:
    found = Fields()
    for name, value in fields.items():
        found.lines += (b"\r\n%b: " % name.replace("_", "-").encode(), value.encode())
    return Request(method, b"/shop.Orders/Get", found)


# --- which requests


@pytest.mark.parametrize(
    ("content_type", "accept", "form"),
    [
        ("application/grpc-web", "", WebForm(False, False, b"")),
        ("application/grpc-web+proto", "*/*", BINARY),
        ("Application/gRPC-Web+proto", "", BINARY),
        ("application/grpc-web+json; charset=utf-8", "", WebForm(False, False, b"+json")),
        ("application/grpc-web-text", "", WebForm(True, True, b"")),
        ("application/grpc-web-text+proto", "", TEXT),
        ("application/grpc-web-text-base64", "", WebForm(True, True, b"")),
        # Accept says in which form the response shall come.
        (
            "application/grpc-web+proto",
            "application/grpc-web-text",
            WebForm(False, True, b"+proto"),
        ),
        (
            "application/grpc-web+proto",
            "text/plain, application/grpc-web-text+proto;q=1",
            WebForm(False, True, b"+proto"),
        ),
        ("application/grpc-web-text", "application/grpc-web+proto", WebForm(True, False, b"")),
    ],
)
def test_type_and_accept_say_what_is_text(content_type: str, accept: str, form: WebForm) -> None:
    request = make_request(Content_Type=content_type, **({"accept": accept} if accept else {}))

    assert find_web_form(request) == form


@pytest.mark.parametrize(
    "content_type",
    [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc-webx",
        "application/grpc-web-texts",
        "application/grpc-web+",
        "application/grpc-web+a b",
        "text/application/grpc-web",
        "application/json",
        "",
    ],
)
def test_other_types_are_no_grpc_web(content_type: str) -> None:
    assert find_web_form(make_request(content_type=content_type)) is None


def test_only_a_post_with_one_content_type_is_grpc_web() -> None:
    web = "application/grpc-web+proto"

    assert find_web_form(make_request("GET", content_type=web)) is None
    assert find_web_form(make_request(content_type=web, Content_Type=web)) is None
    assert find_web_form(make_request()) is None


# --- fields


def test_the_service_gets_a_grpc_request() -> None:
    request = make_request(
        content_type="application/grpc-web-text+proto",
        accept="application/grpc-web-text",
        x_grpc_web="1",
        grpc_timeout="1S",
    )
    received = request.fields
    received.content_length = 12
    received.connection = b"x-other"
    before = list(received.lines)

    fields = grpc_fields(received, TEXT)

    assert b"".join(fields.lines) == (
        b"\r\ncontent-type: application/grpc+proto\r\nx-grpc-web: 1\r\ngrpc-timeout: 1S"
    )
    assert fields.is_chunked
    assert fields.content_length is None
    request.fields = fields
    assert request.accepts_trailers()
    # Other requests may share what was received.
    assert received.lines == before
    assert not received.accepts_trailers


def test_a_binary_body_keeps_its_length() -> None:
    request = make_request(content_type="application/grpc-web+proto")
    request.fields.content_length = 12

    fields = grpc_fields(request.fields, BINARY)

    assert fields.content_length == 12
    assert not fields.is_chunked


@pytest.mark.parametrize(
    ("form", "given", "sent"),
    [
        (BINARY, b"application/grpc", b"application/grpc-web+proto"),
        (BINARY, b"application/grpc+json", b"application/grpc-web+json"),
        (TEXT, b"application/grpc+proto", b"application/grpc-web-text+proto"),
        (WebForm(False, False, b""), b"application/grpc", b"application/grpc-web"),
        (BINARY, b"application/grpc; x=y", b"application/grpc-web+proto; x=y"),
        (BINARY, b"APPLICATION/GRPC", b"application/grpc-web+proto"),
    ],
)
def test_a_grpc_response_gets_the_type_of_its_request(
    form: WebForm, given: bytes, sent: bytes
) -> None:
    head = b"\r\nDate: x\r\ncontent-length: 7\r\ncontent-type: %b\r\nx-y: content-length: 7"

    assert web_fields(head % given, form) == (
        b"\r\nDate: x\r\nContent-Type: %b\r\nx-y: content-length: 7" % sent
    )
    assert web_fields(b"\r\nContent-Type: " + given, form) == b"\r\nContent-Type: " + sent


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"\r\ncontent-type: text/html",
        b"\r\ncontent-type: application/grpc-web",
        b"\r\ncontent-type: application/grpcx",
        b"\r\nx-content-type: application/grpc",
        b"\r\nx: content-type: application/grpc",
    ],
)
def test_another_response_is_not_translated(fields: bytes) -> None:
    assert web_fields(fields, BINARY) is None


# --- trailers


def read_trailers(frame: bytes) -> dict[bytes, bytes]:
    assert frame[:1] == b"\x80"
    assert int.from_bytes(frame[1:5]) == len(frame) - 5
    block = frame[5:]
    assert block.endswith(b"\r\n")
    return dict(line.split(b": ", 1) for line in block[:-2].split(b"\r\n"))


def test_trailers_become_a_frame_of_lines_in_lower_case() -> None:
    block = b"grpc-status: 5\r\ngrpc-message: no  order\r\nx-a: b: c\r\n"
    trailers = b"\r\nGrpc-Status: 5\r\ngrpc-message:no  order\r\nX-A: b: c"

    assert trailers_frame(trailers) == b"\x80\x00\x00\x00" + bytes((len(block),)) + block


def test_an_end_without_a_status_is_an_unknown_failure() -> None:
    assert read_trailers(trailers_frame(b""))[b"grpc-status"] == b"2"
    found = read_trailers(trailers_frame(b"\r\nx-a: grpc-status: 0"))
    assert found[b"grpc-status"] == b"2"
    assert found[b"x-a"] == b"grpc-status: 0"


def test_a_status_is_a_field_of_that_name() -> None:
    assert has_status(b"\r\nGrpc-Status: 0")
    assert not has_status(b"\r\nx-grpc-status: 0\r\nx: grpc-status: 0")


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True).map(str.encode),
        st.from_regex(r"([!-~]([ -~]{0,20}[!-~])?)?", fullmatch=True).map(str.encode),
        max_size=9,
    )
)
def test_a_client_reads_the_trailers_that_the_service_sent(trailers: dict[bytes, bytes]) -> None:
    trailers[b"grpc-status"] = b"0"
    lines = b"".join(b"\r\n%b: %b" % (name.title(), value) for name, value in trailers.items())

    assert read_trailers(trailers_frame(lines)) == trailers


# --- text


def cut(data: bytes, at: list[int]) -> list[bytes]:
    places = sorted({0, *(one % (len(data) + 1) for one in at), len(data)})
    return [data[start:end] for start, end in pairwise(places)]


CUTS = st.lists(st.integers(0, 10_000), max_size=12)


@given(st.lists(st.binary(max_size=50)), CUTS)
def test_text_is_the_same_bytes_however_it_is_padded_and_cut(
    parts: list[bytes], cuts: list[int]
) -> None:
    text = b"".join(map(b64encode, parts))
    decoder = TextDecoder()

    found = b"".join(map(decoder.decode, cut(text, cuts)))

    decoder.end()
    assert found == b"".join(parts)


@given(st.lists(st.binary(max_size=50)))
def test_pieces_are_decoded_again_as_a_sequence(parts: list[bytes]) -> None:
    """4648.2"""
    text = b"".join(map(encode_piece, parts))

    groups = (text[at : at + 4] for at in range(0, len(text), 4))

    assert b"".join(map(b64decode, groups)) == b"".join(parts)
    assert b"\n" not in text


@given(st.binary(max_size=40).map(b64encode), st.integers(0, 60), st.binary(max_size=3), CUTS)
def test_any_cut_of_a_text_is_judged_as_the_whole(
    text: bytes, place: int, noise: bytes, cuts: list[int]
) -> None:
    text = text[:place] + noise + text[place:]

    assert judge(cut(text, cuts)) == judge([text])


def judge(pieces: list[bytes]) -> bytes | None:
    decoder = TextDecoder()
    try:
        found = b"".join(map(decoder.decode, pieces))
        decoder.end()
    except MalformedText:
        return None
    return found


@pytest.mark.parametrize(
    "text",
    [
        b"A===",
        b"====",
        b"=AAA",
        b"AA=A",
        b"AAAA=AAA",
        b"AAA\n",
        b"AA A",
        b"A\r\nA",
        b"AA-_",
        b"AAA\x80",
        b"\x00AAA",
        b"AAAAA",
        b"AAAAAA",
        b"AA=",
        b"AAA==",
    ],
)
def test_text_that_is_not_base64_is_refused(text: bytes) -> None:
    """4648.1, 4648.2"""
    assert judge([text]) is None
    assert judge([text[at : at + 1] for at in range(len(text))]) is None


def test_nothing_is_complete_before_its_group_is() -> None:
    decoder = TextDecoder()

    assert [decoder.decode(one) for one in (b"A", b"", b"AA", b"AAA")] == [b"", b"", b"", bytes(3)]
    with pytest.raises(MalformedText):
        decoder.end()


# --- messages

MESSAGE = st.builds(
    lambda flags, body: bytes((flags,)) + len(body).to_bytes(4) + body,
    st.sampled_from((0, 1)),
    st.binary(max_size=300),
)


@given(st.lists(MESSAGE, max_size=6), CUTS)
def test_messages_end_where_they_end_however_the_bytes_are_cut(
    messages: list[bytes], cuts: list[int]
) -> None:
    ends = {sum(map(len, messages[:count])) for count in range(len(messages) + 1)}
    borders, seen = MessageBorders(), 0

    for piece in cut(b"".join(messages), cuts):
        borders.follow(piece)
        seen += len(piece)
        assert borders.is_between is (seen in ends)

    assert not borders.is_lost
    assert borders.is_between


@pytest.mark.parametrize("flags", [0x02, 0x80, 0x81, 0xFF])
def test_what_is_no_message_is_followed_no_further(flags: int) -> None:
    """A trailers frame in the body would be taken for ours."""
    borders = MessageBorders()

    borders.follow(bytes(5) + bytes((flags,)))
    assert borders.is_lost

    borders.follow(bytes(4))
    assert borders.is_lost
    assert not borders.is_between


def test_a_huge_message_is_followed_without_keeping_it() -> None:
    borders = MessageBorders()
    borders.follow(b"\x00\xff\xff\xff\xff")

    for _ in range(3):
        borders.follow(bytes(1 << 20))
    assert not borders.is_between
