"""The contexts of one configuration, for clients and for services."""

from gateway.tls.certificate import MACHINE_TRUST, ClientTls
from gateway.tls.contexts import make_client_contexts, make_contexts
from tests.certificates import AUTHORITY, trusting
from tests.tls.handshake import PLAIN, Handshake, authorities, certificate

OURS = ClientTls(authorities(AUTHORITY))
NAMED = ClientTls(OURS.ca, "other.example")
SHOWING = ClientTls(OURS.ca, None, certificate("c.example"))


def test_both_sides_are_made() -> None:
    contexts = make_contexts(PLAIN, [OURS])

    assert contexts.server is not None
    assert Handshake(contexts.server, trusting()).names() == {"first.example"}
    assert Handshake(contexts.server, contexts.clients[OURS]).names() == {"first.example"}


def test_without_tls_there_is_nothing_to_make() -> None:
    contexts = make_contexts(None, [])

    assert (contexts.server, contexts.clients) == (None, {})


def test_those_who_ask_for_the_same_share_one_context_whatever_their_names() -> None:
    made = make_client_contexts([NAMED, OURS, MACHINE_TRUST, SHOWING])

    assert made[NAMED] is made[OURS]
    assert len({id(made[one]) for one in (OURS, MACHINE_TRUST, SHOWING)}) == 3
