"""The corpus of HTTP/1.1 in HTTP/2: a request means the same, whichever brings it."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.proxy.h2.cases import HTTP2_FOLDER
from tests.proxy.h2.conftest import Http2World
from tests.proxy.h2.converted import Converted, converted_cases
from tests.proxy.h2.frames import headers
from tests.proxy.h2.wire import Http2Client
from tests.proxy.observed import never_allowed
from tests.proxy.wire import connect

CASES = converted_cases()


def listed() -> Mapping[str, Mapping[str, Any]]:
    """Return the differences by the name of their case."""
    told = yaml.safe_load((HTTP2_FOLDER / "corpus_differences.yaml").read_text())
    return {name: group for group in told["differences"] for name in group["cases"]}


LISTED = listed()


def test_half_of_the_corpus_has_a_form_in_http2() -> None:
    assert len(CASES) >= 350


def test_every_difference_is_of_a_case_that_is_played_and_has_a_reason_in_words() -> None:
    assert LISTED.keys() <= {one.case.name for one in CASES}
    for group in LISTED.values():
        assert len(group["why"].split()) > 5


def expected(one: Converted) -> tuple[str, bool]:
    """Return the label of the answer, and whether the service gets the request."""
    name = one.case.name
    if name in LISTED:
        return LISTED[name]["answer"], LISTED[name]["service"]
    if one.is_of_connection:
        return "400 request_malformed", False
    return one.case.answers[-1].removesuffix(" to HEAD"), bool(one.case.forwarded)


def differences(one: Converted, label: str, world: Http2World) -> list[str]:
    """Return in words what is otherwise than in HTTP/1.1."""
    answer, is_forwarded = expected(one)
    seen = [sent for sent in world.service.requests if sent.all(b"host") != [b"fence.test"]]
    found = [f"odd: {world.service.odd}"] if world.service.odd else []
    # A malformed request may be answered before its stream is reset (RFC 9113 §8.1.1).
    is_malformed = answer.startswith("400") and label == "reset PROTOCOL_ERROR"
    if label != answer and not is_malformed:
        found.append(f"{label} instead of {answer}")
    if len(seen) != is_forwarded:
        found.append(f"forwarded {[sent.start for sent in seen]}")
    for request in seen:
        found += never_allowed(request)
        if one.case.name not in LISTED:
            found += one.case.forwarded[0].differs(request)
    return found


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.case.name)
def test_a_request_of_the_corpus_means_in_http2_what_it_means_in_http1(
    one: Converted, world: Http2World
) -> None:
    async def run() -> str:
        world.service.begin()
        client = Http2Client(await connect(world.gateway.address))
        client.begin()
        client.send(headers(1, one.fields, ends=one.content is None))
        if one.content is not None:
            await client.upload(1, one.content, trailers=one.trailers)
        await client.wait_over(1)
        assert not client.is_gone, client.goaways
        assert await client.wait_read()
        client.wire.close()
        return client.stream(1).label

    assert differences(one, world.run(run()), world) == []
