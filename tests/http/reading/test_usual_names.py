"""The usual names stand in every spelling in which software sends them."""

import re

import pytest

from gateway.http.reading.usual_names import USUAL_IN_REQUESTS, USUAL_IN_RESPONSES


@pytest.mark.parametrize("names", [USUAL_IN_REQUESTS, USUAL_IN_RESPONSES])
def test_each_usual_name_is_a_field_name_in_small_letters_too(names: frozenset[bytes]) -> None:
    """RFC 9110 §5.6.2: a name is a token."""
    assert all(re.fullmatch(rb"[A-Za-z0-9-]+", name) for name in names)
    assert {name.lower() for name in names} <= names


@pytest.mark.parametrize(
    "name", [b"DNT", b"dnt", b"ETag", b"Etag", b"X-Request-ID", b"X-Request-Id", b"sec-ch-ua"]
)
def test_a_name_stands_as_its_standard_and_as_other_software_write_it(name: bytes) -> None:
    assert name in USUAL_IN_REQUESTS | USUAL_IN_RESPONSES


def test_what_browsers_curl_and_proxies_send_is_usual() -> None:
    sent = (
        b"Host User-Agent Accept Accept-Encoding Accept-Language Connection Cookie Origin Referer "
        b"Authorization Content-Type Content-Length Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site "
        b"sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform Upgrade-Insecure-Requests Cache-Control "
        b"Access-Control-Request-Method traceparent tracestate X-Forwarded-For X-Forwarded-Proto"
    )

    assert set(sent.split()) <= USUAL_IN_REQUESTS
