"""Which credentials and challenges are of a whole connection."""

import pytest

from gateway.http.reading.connection_login import is_login_field, names_login_scheme


@pytest.mark.parametrize(
    "value",
    [
        b"NTLM TlRMTVNTUAABAAAA",
        b"ntlm",
        b"Negotiate YIIJ",
        b"nEGOtiate",
        b"Nego2 abc",
        b"Kerberos abc",
        b'Basic realm="x", Negotiate',
        b'Basic realm="x",Negotiate',
        b'Basic realm="x, y" ,\tNTLM',
        b'Digest realm="a \\"b\\", c", nonce="d", Negotiate',
        b"NTLM, Basic realm=a",
        b",, NTLM",
        b"Basic YTpi, NTLM abc",
    ],
)
def test_logins_of_a_connection_are_found_in_any_list(value: bytes) -> None:
    """RFC 4559 §6, RFC 9110 §11.6.1: in any letter case, and several in one line."""
    assert names_login_scheme(value)
    assert is_login_field(b"www-authenticate", value)


@pytest.mark.parametrize(
    "value",
    [
        b"Basic YTpi",
        b"Bearer abc.def.ghi",
        b'Bearer realm="gateway", scope="a b"',
        b'Digest username="a", nonce="xntlm"',
        b"xNTLM",
        b"DPoP renego",
        b"",
    ],
)
def test_other_credentials_are_of_one_request(value: bytes) -> None:
    assert not names_login_scheme(value)
    assert not is_login_field(b"www-authenticate", value)


def test_a_realm_that_speaks_of_one_is_taken_for_one() -> None:
    """One connection too many is kept apart, and no harm is done."""
    assert names_login_scheme(b'Basic realm="Intranet, NTLM works too"')


@pytest.mark.parametrize(
    ("name", "value", "is_login"),
    [
        (b"persistent-auth", b"true", True),
        (b"persistent-auth", b"false", True),
        (b"authentication-info", b"Negotiate oYG2", True),
        (b"authentication-info", b'nextnonce="abc"', False),
    ],
)
def test_answers_tell_of_logins_that_went_before(name: bytes, value: bytes, is_login: bool) -> None:
    assert is_login_field(name, value) is is_login
