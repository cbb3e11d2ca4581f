"""Which origins are allowed."""

import re

from gateway.settings.values.cors import Cors


def made(*origins: bytes, is_open: bool = False) -> Cors:
    patterns = {b"https://*.b": re.compile(rb"https://[a-z]+\.b")}
    return Cors(frozenset(origins), patterns, is_open, frozenset(), b"A", b"B", False, 5)


def test_an_origin_is_allowed_as_a_whole() -> None:
    cors = made(b"https://a", b"null")

    assert all(cors.allows(one) for one in (b"https://a", b"null", b"https://x.b"))
    assert not any(
        cors.allows(one)
        for one in (
            b"https://a:1",
            b"https://ab",
            b"https://x.b.c",
            b"xhttps://x.b",
            b"https://x.b\n",
        )
    )


def test_where_it_is_open_all_are() -> None:
    assert made(is_open=True).allows(b"https://any")
