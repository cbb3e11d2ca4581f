"""What clients wish of tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.issuer.requests.parameters import OAuthError, read_parameters
from gateway.issuer.requests.wishes import MAX_LIFETIME_SECONDS, Wishes, read_wishes


def read(*sent: tuple[str, str]) -> Wishes | OAuthError:
    return read_wishes(read_parameters(sent))


def code(answer: Wishes | OAuthError) -> str:
    assert isinstance(answer, OAuthError)
    return answer.code


@pytest.mark.parametrize(
    ("asked", "scopes"),
    [
        ("orders:read", ("orders:read",)),
        ("invoices:read orders:read", ("invoices:read", "orders:read")),
        ("orders:read orders:read", ("orders:read",)),
        ("", None),
    ],
)
def test_scopes_are_separated_by_spaces(asked: str, scopes: tuple[str, ...] | None) -> None:
    assert read(("scope", asked)) == Wishes(scopes, (), None)


@pytest.mark.parametrize("asked", [" ", "orders:read  x", 'a"b', "a\\b", "ä", "a\n"])
def test_a_malformed_scope_is_refused(asked: str) -> None:
    """RFC 6749 §3.3."""
    assert code(read(("scope", asked))) == "invalid_scope"


@pytest.mark.parametrize(
    ("targets", "audiences"),
    [
        ([("resource", "https://a.test/x")], ("https://a.test/x",)),
        ([("resource", "urn:a:b")], ("urn:a:b",)),
        ([("resource", "https://a.test"), ("resource", "https://b.test")],
         ("https://a.test", "https://b.test")),
        ([("audience", "orders-api")], ("orders-api",)),
        ([("audience", "b"), ("resource", "https://a.test")], ("https://a.test", "b")),
        ([("resource", "")], ()),
    ],
)  # fmt: skip
def test_the_audience_is_what_was_asked_for(
    targets: list[tuple[str, str]], audiences: tuple[str, ...]
) -> None:
    """RFC 8707 §2."""
    assert read(*targets) == Wishes(None, audiences, None)


@pytest.mark.parametrize("resource", ["orders", "/orders", "https:", "https://a#b", "http://["])
def test_a_resource_that_is_not_an_absolute_uri_is_refused(resource: str) -> None:
    """RFC 8707 §2."""
    assert code(read(("resource", resource))) == "invalid_target"


@pytest.mark.parametrize("asked", ["1", "60", str(MAX_LIFETIME_SECONDS)])
def test_the_lifetime_can_be_asked_for(asked: str) -> None:
    assert read(("expires_in", asked)) == Wishes(None, (), int(asked))


@pytest.mark.parametrize("asked", ["0", "-1", "1.5", "1h", "٣", str(MAX_LIFETIME_SECONDS + 1)])
def test_a_lifetime_out_of_bounds_is_refused(asked: str) -> None:
    assert code(read(("expires_in", asked))) == "invalid_request"


@given(
    st.lists(st.tuples(st.sampled_from(["scope", "resource", "audience", "expires_in"]), st.text()))
)
def test_any_wish_is_read_or_refused(sent: list[tuple[str, str]]) -> None:
    wishes = read(*sent)

    if isinstance(wishes, Wishes):
        assert wishes.scopes is None or all(wishes.scopes)
        assert wishes.lifetime_seconds is None or wishes.lifetime_seconds >= 1
