"""Hosts: one spelling for each."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.routes.host import canonical_host


@pytest.mark.parametrize(
    ("value", "host"),
    [
        (b"api.example.com", "api.example.com"),
        (b"API.Example.COM", "api.example.com"),
        (b"api.example.com:8080", "api.example.com"),
        (b"api.example.com:", "api.example.com"),
        (b"api.example.com.", "api.example.com"),
        (b"api.example.com.:443", "api.example.com"),
        (b"localhost", "localhost"),
        (b"my_service", "my_service"),
        (b"127.0.0.1:80", "127.0.0.1"),
        (b"[::1]:8080", "[::1]"),
        (b"[0:0:0:0:0:0:0:1]", "[::1]"),
        (b"[2001:DB8::A]", "[2001:db8::a]"),
    ],
)
def test_case_port_and_trailing_dot_do_not_make_another_host(value: bytes, host: str) -> None:
    """CVE-2026-27588, CVE-2021-39155."""
    assert canonical_host(value) == host


@pytest.mark.parametrize(
    "value",
    [
        b"", b".", b"..", b"a..b", b".a", b"a..", b":80", b"a,b", b"a, b", b"user@a", b"a/b",
        b"a b",
        b"a?b", b"a#b", b"a\\b", b"a%2eb", b"a:b", b"a:123456", b"a:80:80", b"a\n", b"a\x00",
        b"\xc3\xa9.example", b"::1", b"[::1", b"[::1]x", b"[fe80::1%25eth0]", b"[v1.x]", b"[1:2]",
        b"[]", b"a" * 256,
    ],
)  # fmt: skip
def test_what_is_not_one_host_is_refused(value: bytes) -> None:
    """CVE-2026-34525, 9112.1."""
    assert canonical_host(value) is None


@given(st.text("aB1-_.:[]@,%/ ", max_size=20).map(str.encode))
def test_a_canonical_host_is_its_own_canonical_form(value: bytes) -> None:
    host = canonical_host(value)

    if host is not None:
        assert canonical_host(host.encode()) == host
        assert host == host.lower()
        assert not re.search(r"[@,%/ ]", host)
