"""An identifier has one spelling, and says where its metadata is and which paths are its own."""

import pytest

from gateway.settings.values.resource_identifier import Identifier, parse_identifier


@pytest.mark.parametrize(
    ("text", "metadata_url"),
    [
        ("https://a.example", "https://a.example/.well-known/oauth-protected-resource"),
        ("https://a.example/", "https://a.example/.well-known/oauth-protected-resource"),
        ("https://a.example/mcp", "https://a.example/.well-known/oauth-protected-resource/mcp"),
        ("https://a.example/b/c", "https://a.example/.well-known/oauth-protected-resource/b/c"),
        ("https://a.example/mcp/", "https://a.example/.well-known/oauth-protected-resource/mcp/"),
        (
            "https://a.example:8443/b",
            "https://a.example:8443/.well-known/oauth-protected-resource/b",
        ),
        (
            "https://a.example/a.example",
            "https://a.example/.well-known/oauth-protected-resource/a.example",
        ),
        ("http://127.0.0.1:8080/b", "http://127.0.0.1:8080/.well-known/oauth-protected-resource/b"),
        ("https://[2001:db8::1]/b", "https://[2001:db8::1]/.well-known/oauth-protected-resource/b"),
        ("http://[::1]:81", "http://[::1]:81/.well-known/oauth-protected-resource"),
    ],
)
def test_the_well_known_name_stands_between_host_and_path(text: str, metadata_url: str) -> None:
    """9728.1: a slash that follows the host alone is left out first (RFC 9728 §3.1)."""
    identifier = parse_identifier(text)

    assert isinstance(identifier, Identifier)
    assert identifier.text == text
    assert identifier.metadata_url == metadata_url
    assert metadata_url.endswith(identifier.metadata_path.decode())


@pytest.mark.parametrize(
    ("text", "host", "segments"),
    [
        ("https://a.example", "a.example", ()),
        ("https://a.example:8443/", "a.example", ()),
        ("https://a.example/orders", "a.example", ("orders",)),
        ("https://a.example/orders/", "a.example", ("orders",)),
        ("https://a.example/%6Frders/z%C3%B6e", "a.example", ("orders", "zöe")),
        ("https://[2001:db8::1]/b", "[2001:db8::1]", ("b",)),
    ],
)
def test_host_and_segments_are_those_that_requests_are_compared_by(
    text: str, host: str, segments: tuple[str, ...]
) -> None:
    identifier = parse_identifier(text)

    assert isinstance(identifier, Identifier)
    assert (identifier.host, identifier.segments) == (host, segments)


URL = "not a URL: write it like https://api.example.com/orders"
HOST = "its host is not valid"
SPELLING = "write its host in canonical form: "
WILDCARD = "an identifier cannot have a wildcard: write a resource for each host"
QUERY = "an identifier must not have a query or a fragment"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", URL),
        ("orders-api", URL),
        ("urn:example:orders", URL),
        ("HTTPS://a.example", URL),
        ("wss://a.example", URL),
        ("//a.example/b", URL),
        ("https://", URL),
        ("https:///b", URL),
        ("https://user@a.example/", URL),
        ("https://user:pass@a.example/", URL),
        ("https://a.example:/b", URL),
        ("https://a.example:x/b", URL),
        ("https://a.example:123456/b", URL),
        ("https://[::1/b", URL),
        ("https://a.example/b\n", "the path has a character that must be percent-encoded"),
        ("https://a.example\n", HOST),
        ("https://a.example/b?c=d", QUERY),
        ("https://a.example?", QUERY),
        ("https://a.example/b#", QUERY),
        ("https://a b/c", HOST),
        ("https://[a.example]/", HOST),
        ("https://bücher.example/", HOST),
        ('https://a".example/', HOST),
        ("https://A.example/", f"{SPELLING}a.example"),
        ("https://a.example./", f"{SPELLING}a.example"),
        ("https://[2001:DB8::1]/", f"{SPELLING}[2001:db8::1]"),
        ("https://[::ffff:192.0.2.1]/", f"{SPELLING}[::ffff:c000:201]"),
        ("https://*.a.example/b", WILDCARD),
        ("https://a*.example/b", WILDCARD),
        ("https://*", WILDCARD),
        ("https://a.example:443/b", "leave out the default port, as clients do"),
        ("http://127.0.0.1:80/b", "leave out the default port, as clients do"),
        ("https://a.example:0/b", "the port is not between 1 and 65535"),
        ("https://a.example:08443/b", "the port is not between 1 and 65535"),
        ("https://a.example:65536/b", "the port is not between 1 and 65535"),
        ("http://a.example/b", "tokens sent over plain http can be read in transit: use https"),
        ("http://10.0.0.1/b", "tokens sent over plain http can be read in transit: use https"),
        ("https://a.example//b", "the path has an empty segment"),
        ("https://a.example/b/../c", "the path has a dot segment"),
        ("https://a.example/b;c", "the path has a parameter (;)"),
        ("https://a.example/b%2Fc", "the path has an encoded separator or control character"),
        ('https://a.example/b"c', "the path has a character that must be percent-encoded"),
        ("https://a.example/b\\c", "the path has a character that must be percent-encoded"),
        ("https://a.example/b c", "the path has a character that must be percent-encoded"),
        ("https://a.example/zöe", "the path has a character that must be percent-encoded"),
        ("https://a.example/".ljust(2049, "b"), "an identifier has at most 2048 characters"),
    ],
)
def test_what_no_request_or_no_client_would_spell_so_is_refused(text: str, problem: str) -> None:
    """Not to be quoted: what comes through stands in every challenge as it is (6750.7)."""
    assert parse_identifier(text) == problem


def test_the_longest_identifier_and_its_challenge_fit_into_what_clients_take() -> None:
    identifier = parse_identifier("https://a.example/".ljust(2048, "b"))

    assert isinstance(identifier, Identifier)
    assert len(identifier.metadata_url) < 4096
