import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.values.addresses import (
    check_key_url,
    is_host,
    is_loopback,
    is_private_address,
    is_web_url,
    leaves_unprotected,
    parse_address,
    parse_network,
    parse_server,
)
from gateway.settings.values.configuration import Address, Server


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:8080", Address("0.0.0.0", 8080)),
        ("[::1]:0", Address("::1", 0)),
        ("LocalHost:1", Address("localhost", 1)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        ":80",
        "a:",
        "a:65536",
        "::1:80",
        "[zz]:1",
        "[1.2]:1",
        "[127.0.0.1]:1",
        "a b:1",
        "a..b:1",
        ".a:1",
        "a" * 64 + ".test:1",
    ],
)
def test_anything_else_is_no_address(text: str) -> None:
    assert isinstance(parse_address(text), str)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("http://a", Server("a", 80, False, "a")),
        ("http://A:80", Server("a", 80, False, "a")),
        ("https://a", Server("a", 443, True, "a")),
        ("https://a:80", Server("a", 80, True, "a:80")),
        ("http://[::1]:8000", Server("::1", 8000, False, "[::1]:8000")),
        ("http://[0:0::0A]", Server("::a", 80, False, "[::a]")),
    ],
)
def test_a_server_leaves_out_the_port_of_its_scheme(text: str, server: Server) -> None:
    """RFC 9110 section 4.2.3."""
    assert parse_server(text) == server


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a:80",
        "ftp://a",
        "http://",
        "http://a/",
        "http://a/b",
        "http://a?b",
        "http://u@a",
        "http://a:0",
        "http://a:65536",
        "http://[::g]",
        "http://[127.0.0.1]",
        "HTTP://a",
        "http://a\r\nb",
        "http://a..b",
        "http://" + "a" * 64,
    ],
)
def test_anything_else_is_no_server(text: str) -> None:
    assert isinstance(parse_server(text), str)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "data:application/json,{}",
        "ftp://a/keys",
        "https://",
        "login.example.com",
        "https://user:password@a/keys",
        "https://a/keys#fragment",
        "https://a:99999/",
        "https://a b/",
        "http://a.example/keys",
        "http://127.0.0.1.example/keys",
        "http://localhost.example/",
    ],
)
def test_keys_come_over_https_and_nothing_else(url: str) -> None:
    """GHSA-993g-76c3-p5m4: file:, data: and ftp: are refused at start."""
    assert check_key_url(url) is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/keys?x=1",
        "https://a:8443/",
        "http://localhost:1/k",
        "http://[::1]/k",
    ],
)
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert check_key_url(url) is None


@pytest.mark.parametrize(
    ("url", "is_usable"),
    [
        ("http://keycloak:8080/realms/x", True),  # where it leads is seen when it is connected to
        ("http://10.0.0.1/k", True),
        ("http://[fd00::1]/k", True),
        ("http://169.254.7.7/k", True),
        ("https://8.8.8.8/k", True),
        ("http://8.8.8.8/k", False),
        ("http://[2001:4860:4860::8888]/k", False),
        ("http://100.64.0.1/k", False),
        ("ftp://10.0.0.1/k", False),
        ("http://user:password@10.0.0.1/k", False),
    ],
)
def test_an_insecure_issuer_has_private_addresses(url: str, is_usable: bool) -> None:
    assert (check_key_url(url, is_insecure=True) is None) is is_usable


@pytest.mark.parametrize(
    ("text", "is_private"),
    [
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("172.16.0.1", True),
        ("172.32.0.1", False),
        ("192.168.1.1", True),
        ("127.9.9.9", True),
        ("169.254.1.1", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("fdff::1", True),
        ("::ffff:10.0.0.1", True),
        ("::ffff:8.8.8.8", False),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_a_private_address_is_one_of_the_networks_that_are_kept_for_it(
    text: str, is_private: bool
) -> None:
    """RFC 1918, RFC 4193, RFC 3927."""
    assert is_private_address(text) is is_private


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("example.com", False),
        ("localhost.example.com", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("url", "leaves"),
    [
        ("http://a.example/", True),
        ("HTTP://a.example/", True),
        ("http://10.0.0.1", True),
        ("http://127.0.0.1.example", True),
        ("http://", True),
        ("http://user@localhost/", True),
        ("http://localhost", False),
        ("http://127.0.0.1:9000/keys", False),
        ("http://[::1]/", False),
        ("https://a.example", False),
        ("urn:issuer", False),
    ],
)
def test_plain_http_is_unprotected_where_it_may_leave_this_machine(url: str, leaves: bool) -> None:
    assert leaves_unprotected(url) is leaves


def test_a_network_with_host_bits_is_corrected() -> None:
    assert str(parse_network("10.0.0.0/8")) == "10.0.0.0/8"
    assert str(parse_network("10.1.2.3")) == "10.1.2.3/32"
    assert parse_network("10.1.2.3/8") == "has host bits set: write 10.0.0.0/8"


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    assert isinstance(parse_address(text), Address | str)
    assert isinstance(parse_server(text), Server | str)
    assert isinstance(check_key_url(text), str | None)
    parse_network(text)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://docs.example.com", True),
        ("http://docs.example.com/orders?v=1#read", True),
        ("https://docs.example.com/#a#b", True),
        ("docs.example.com", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("https://user@docs.example.com", False),
        ("https://docs.example.com/a b", False),
        ("https://docs.example.com/#a b", False),
        ("https://docs.example.com/#z\u00f6", False),
    ],
)
def test_a_page_is_at_a_web_url(text: str, is_one: bool) -> None:
    assert is_web_url(text) is is_one


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("orders", True),
        ("orders.svc.cluster.local", True),
        ("10.0.0.7", True),
        ("fd00::7", True),
        ("_dmarc.example", True),
        ("orders.", False),
        ("*.example.com", False),
        ("[fd00::7]", False),
        ("orders:443", False),
        ("", False),
        ("x" * 64, False),
        ("a." * 126 + "a", True),
        ("a." * 127 + "a", False),  # 255 characters: RFC 1035 §2.3.4
    ],
)
def test_a_host_is_a_name_or_an_address(text: str, is_one: bool) -> None:
    assert is_host(text) is is_one
