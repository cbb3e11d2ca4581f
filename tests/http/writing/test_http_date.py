"""Times are written as RFC 9110 §5.6.7 wants them."""

from gateway.http.writing.http_date import http_date


def test_a_time_is_written_as_http_does() -> None:
    assert http_date(784111777) == b"Sun, 06 Nov 1994 08:49:37 GMT"
