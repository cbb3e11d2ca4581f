"""Handshakes are made by the context that was put in last."""

import ssl

import pytest
import trustme

from gateway.tls.certificate import ServerTls
from gateway.tls.latest_context import LatestContext
from gateway.tls.server_context import make_server_context
from tests.certificates import AUTHORITY, trusting
from tests.tls.handshake import (
    FIRST,
    PLAIN,
    SECOND,
    Handshake,
    authorities,
    with_certificate,
)

OTHER_AUTHORITY = trustme.CA()


def test_a_handshake_is_made_by_the_context_put_in_last() -> None:
    latest = LatestContext(make_server_context(PLAIN))
    assert Handshake(latest, trusting()).names() == {"first.example"}

    latest.use(make_server_context(ServerTls((SECOND,), None, False)))

    assert Handshake(latest, trusting(), "b.second.example").names() == {"*.second.example"}


def test_a_session_of_a_former_context_is_not_taken_up_again() -> None:
    """Or a client whose authority is trusted no more would get in by its old ticket."""
    tls = ServerTls((FIRST,), authorities(AUTHORITY), True)
    latest = LatestContext(make_server_context(tls))
    client = with_certificate(AUTHORITY)
    session = Handshake(latest, client).client.session
    assert Handshake(latest, client, session=session).client.session_reused

    latest.use(make_server_context(ServerTls((FIRST,), authorities(OTHER_AUTHORITY), True)))

    with pytest.raises(ssl.SSLError):
        Handshake(latest, client, session=session)
