"""A rewrite that says nothing changes nothing."""

from gateway.http.writing.rewriting import (
    choose_host,
    edit_response_fields,
    rewrite_target,
    without_edited,
)
from gateway.settings.values.rewrite import Rewrite


def test_by_default_all_is_sent_as_it_came() -> None:
    rewrite, lines = Rewrite(), [b"\r\nA: ", b"1"]

    assert rewrite_target(b"/a/b?c", rewrite) == b"/a/b?c"
    assert choose_host(b"h", rewrite, None) == b"h"
    assert without_edited(lines, rewrite.request_fields) == lines
    assert edit_response_fields(b"\r\nA: 1", rewrite.response_fields) == b"\r\nA: 1"
