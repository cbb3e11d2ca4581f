"""Where a document is, in words that may stand in a log."""

from gateway.fetching.shown_url import show_url


def test_a_long_place_is_named_by_its_beginning() -> None:
    """Metadata may name a URL of any length, and errors stand in logs and in `/status`."""
    url = "https://keys.example/" + "x" * 100_000

    assert show_url(url) == url[:200] + "…"


def test_secrets_in_a_url_are_not_named_in_errors() -> None:
    assert show_url("https://user:pass@host:8443/jwks?key=s3cret#x") == "https://host:8443/jwks"
    assert show_url("http://[::1") == "(not a URL)"
