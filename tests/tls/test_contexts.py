"""The contexts of one configuration, for clients and for services."""

from dataclasses import replace

from gateway.tls.certificate import MACHINE_TRUST, ClientTls, ServerTls
from gateway.tls.contexts import make_client_contexts, make_contexts
from tests.certificates import AUTHORITY, trusting
from tests.tls.handshake import PLAIN, Handshake, authorities, certificate

OURS = ClientTls(authorities(AUTHORITY))
NAMED = ClientTls(OURS.ca, "other.example")
SHOWING = ClientTls(OURS.ca, None, certificate("c.example"))


def test_both_sides_are_made() -> None:
    contexts = make_contexts([PLAIN], [OURS], {})

    (server,) = contexts.servers
    assert server is not None
    assert Handshake(server, trusting()).names() == {"first.example"}
    assert Handshake(server, contexts.clients[OURS]).names() == {"first.example"}


def test_without_tls_there_is_nothing_to_make() -> None:
    contexts = make_contexts([None], [], {})

    assert (contexts.servers, contexts.clients) == ((None,), {})


def test_each_address_has_what_it_speaks_and_what_is_known_is_not_made_again() -> None:
    other = ServerTls((certificate("c.example"),), None, False)
    first, none, second, again = make_contexts([PLAIN, None, other, PLAIN], [], {}).servers

    assert none is None
    assert first is again
    assert first is not None
    assert second is not None
    assert Handshake(second, trusting(), "c.example").names() == {"c.example"}
    assert make_contexts([other, PLAIN], [], {PLAIN: first}).servers[1] is first


def test_those_who_ask_for_the_same_share_one_context_whatever_their_names() -> None:
    made = make_client_contexts([NAMED, OURS, MACHINE_TRUST, SHOWING])

    assert made[NAMED] is made[OURS]
    assert len({id(made[one]) for one in (OURS, MACHINE_TRUST, SHOWING)}) == 3


def test_what_is_offered_is_not_shared_with_those_who_do_not_offer_it() -> None:
    speaking = replace(OURS, http2=True)
    made = make_client_contexts([OURS, speaking, replace(NAMED, http2=True)])

    assert made[speaking] is not made[OURS]
    assert made[replace(NAMED, http2=True)] is made[speaking]
