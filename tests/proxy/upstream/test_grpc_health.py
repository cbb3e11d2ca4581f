"""The two messages of a health check by gRPC, as other implementations read and write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.upstream.grpc_health import encode_check, judge_answer, judge_call


def framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ("", b""),
        ("shop.Shop", b"\x0a\x09shop.Shop"),
        ("a" * 127, b"\x0a\x7f" + b"a" * 127),
        ("a" * 300, b"\x0a\xac\x02" + b"a" * 300),  # protobuf.dev/programming-guides/encoding
    ],
)
def test_a_request_names_the_service_or_nothing(service: str, message: bytes) -> None:
    assert encode_check(service) == framed(message)


SERVING = b"\x08\x01"


@pytest.mark.parametrize(
    "message",
    [
        SERVING,
        b"\x08\x81\x00",  # a longer form of the same number
        b"\x08\x02" + SERVING,  # the last one counts
        b"\x12\x03new" + SERVING,  # a field that a later version added
        SERVING + b"\x1d\0\0\0\0\x21" + bytes(8) + b"\x28\x07",
    ],
)
def test_a_server_that_is_serving_is_healthy(message: bytes) -> None:
    assert judge_answer(framed(message)) is None


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "it is UNKNOWN"),  # the default of a field is left out
        (b"\x08\x00", "it is UNKNOWN"),
        (b"\x08\x02", "it is NOT_SERVING"),
        (b"\x08\x03", "it is SERVICE_UNKNOWN"),
        (b"\x08\x09", "it is in an unknown state"),
        (SERVING + b"\x08\x02", "it is NOT_SERVING"),
    ],
)
def test_any_other_state_is_named(message: bytes, words: str) -> None:
    assert judge_answer(framed(message)) == words


MALFORMED = {
    "nothing": b"",
    "half a prefix": b"\0\0\0",
    "cut short": framed(SERVING)[:-1],
    "too long": framed(SERVING) + b"\x08",
    "two messages": framed(SERVING) * 2,
    "compressed": b"\1" + framed(SERVING)[1:],
    "a number without an end": framed(b"\x08\x81"),
    "a number of eleven bytes": framed(b"\x08" + b"\x81" * 10 + b"\x00"),
    "a text as the state": framed(b"\x0a\x01\x01"),
    "a field beyond the end": framed(SERVING + b"\x12\x05ab"),
    "a length without an end": framed(SERVING + b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    "a group": framed(SERVING + b"\x13"),
    "field zero": framed(SERVING + b"\x00\x01"),
    "fixed32 beyond the end": framed(SERVING + b"\x1d\0\0\0"),
    "fixed64 beyond the end": framed(SERVING + b"\x21\0\0\0\0"),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_one_message_is_no_answer(body: bytes) -> None:
    assert judge_answer(body) == (
        "the answer to its health check is not one message of grpc.health.v1"
    )


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_judged(body: bytes, is_framed: bool) -> None:
    verdict = judge_answer(framed(body) if is_framed else body)

    assert verdict is None or verdict.startswith(("it is ", "the answer to its health check"))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "its health check was answered without grpc-status"),
        (b"0", None),
        (b"5", "its health check failed with gRPC status 5 (NOT_FOUND)"),
        (b"12", "its health check failed with gRPC status 12 (UNIMPLEMENTED)"),
        (b"14", "its health check failed with gRPC status 14 (UNAVAILABLE)"),
        (b"17", "its health check was answered with an unknown grpc-status"),
        (b"-1", "its health check was answered with an unknown grpc-status"),
        (b"", "its health check was answered with an unknown grpc-status"),
        (b"9" * 5000, "its health check was answered with an unknown grpc-status"),
        ("²".encode("latin-1"), "its health check was answered with an unknown grpc-status"),
    ],
)
def test_a_call_is_judged_by_its_status(code: bytes | None, words: str | None) -> None:
    assert judge_call(code) == words
