"""Names of identity headers, in every spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.identity import Identity, canonical_alias, identity_aliases

ALIASES = identity_aliases(Identity(((b"X-User-Id", ("sub",)), (b"X-Scopes", ("scope",))), False))


@pytest.mark.parametrize(
    "name",
    [
        b"X-User-Id",
        b"x-user-id",
        b"X_User_Id",
        b"x_user-id",
        b"X.User.Id",
        b"X~User'Id",
        b"x-scopes",
    ],
)
def test_every_spelling_that_some_service_reads_as_ours_is_ours(name: bytes) -> None:
    """9700.1, CVE-2025-64484, CVE-2026-39858, CVE-2026-52845."""
    assert canonical_alias(name) in ALIASES


@pytest.mark.parametrize(
    "name", [b"X-User", b"X-User-Id-2", b"XUserId", b"X--User-Id", b"User-Id", b""]
)
def test_other_names_are_not(name: bytes) -> None:
    assert canonical_alias(name) not in ALIASES


@pytest.mark.parametrize("name", [b"HTTP_X_USER_ID", b"Http-X-User-Id"])
def test_a_header_with_the_name_of_a_cgi_variable_makes_the_field_ours_that_fills_it(
    name: bytes,
) -> None:
    """RFC 3875 §4.1.18: whoever reads HTTP_X_USER_ID is served `X-User-Id` as well."""
    aliases = identity_aliases(Identity(((name, ("sub",)),), False, (b"HTTP_X_PROOF",)))

    assert aliases == {b"x-user-id", b"x-proof", b"txn-token"}


@given(
    st.lists(st.tuples(st.sampled_from(b"-_.!~"), st.booleans()), min_size=9, max_size=9),
)
def test_neither_case_nor_sign_makes_another_name(choices: list[tuple[int, bool]]) -> None:
    """CGI, WSGI and lighttpd turn every sign into an underscore."""
    spelt = bytes(
        sign if octet == ord("-") else (octet ^ 0x20 if flip else octet)
        for octet, (sign, flip) in zip(b"X-User-Id", choices, strict=True)
    )

    assert canonical_alias(spelt) == b"x-user-id"


def test_own_headers_replace_those_that_a_service_could_confuse_with_them() -> None:
    """CVE-2025-64484."""
    general = Identity(((b"X-User", ("sub",)), (b"X-Mail", ("email",))), True, (b"X-Proof",))

    own = general.replaced(((b"x_user", ("oid",)), (b"X-MAIL", None), (b"X-Tenant", ("tid",))))

    assert own.headers == ((b"x_user", ("oid",)), (b"X-Tenant", ("tid",)))
    assert (own.forward_token, own.reserved) == (True, (b"X-Proof",))
