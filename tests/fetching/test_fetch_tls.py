"""8414.3: a certificate is checked for its issuer, host and dates, and it is said what failed."""

import ssl

import pytest
import trustme

from gateway.fetching.document import FetchFailed
from gateway.fetching.fetch import fetch
from gateway.fetching.reach import Reach
from gateway.fetching.session import make_session
from tests.certificates import AUTHORITY, DAY, NOW, self_signed, serving, trusting
from tests.keyring.peers import body, issuer_peer

DOCUMENT = b'{"keys": []}'


async def test_keys_come_over_a_connection_that_a_trusted_authority_vouches_for() -> None:
    async with issuer_peer(serving(AUTHORITY.issue_cert("127.0.0.1"))) as peer:
        peer.answer = body(DOCUMENT)
        async with make_session(trusting()) as session:
            assert await fetch(session, peer.url, 10.0) == DOCUMENT


REFUSED = {
    "of an authority that we do not know": (
        trustme.CA().issue_cert("127.0.0.1"),
        "unable to get local issuer certificate",
    ),
    "self-signed": (self_signed(), "self-signed certificate"),
    "of another host": (AUTHORITY.issue_cert("localhost"), "IP address mismatch"),
    "of a host that only looks like ours": (
        AUTHORITY.issue_cert("127.0.0.1.keys.example"),
        "IP address mismatch",
    ),
    "expired": (
        AUTHORITY.issue_cert("127.0.0.1", not_before=NOW - 2 * DAY, not_after=NOW - DAY),
        "certificate has expired",
    ),
    "not yet valid": (
        AUTHORITY.issue_cert("127.0.0.1", not_before=NOW + DAY, not_after=NOW + 2 * DAY),
        "certificate is not yet valid",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_nothing_is_asked_of_a_host_with_any_other_certificate(name: str) -> None:
    """8414.3."""
    certificate, words = REFUSED[name]

    async with issuer_peer(serving(certificate)) as peer, make_session(trusting()) as session:
        with pytest.raises(FetchFailed) as failure:
            await fetch(session, peer.url + "/jwks?key=s3cret", 10.0)

        assert peer.paths == []
    assert str(failure.value).startswith(f"{peer.url}/jwks: the certificate is not trusted (")
    assert words in str(failure.value)


async def test_whom_a_fetch_trusts_counts_in_place_of_whom_the_session_trusts() -> None:
    """8414.3."""
    theirs = trustme.CA()
    other = ssl.create_default_context(cadata=theirs.cert_pem.bytes().decode())

    async with issuer_peer(serving(theirs.issue_cert("127.0.0.1"))) as peer:
        peer.answer = body(DOCUMENT)
        async with make_session() as session:
            assert await fetch(session, peer.url, 10.0, reach=Reach(other)) == DOCUMENT
    ours = serving(AUTHORITY.issue_cert("127.0.0.1"))
    async with issuer_peer(ours) as peer, make_session(trusting()) as session:
        with pytest.raises(FetchFailed, match="unable to get local issuer certificate"):
            await fetch(session, peer.url, 10.0, reach=Reach(other))


async def test_a_host_that_does_not_speak_tls_is_a_failure() -> None:
    async with issuer_peer() as peer, make_session(trusting()) as session:
        with pytest.raises(FetchFailed, match="cannot connect"):
            await fetch(session, peer.url.replace("http:", "https:"), 10.0)

        assert peer.paths == []
