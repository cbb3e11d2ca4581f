"""A ticket is secret, and what is kept of it is no use to whoever reads it."""

from gateway.tickets.ticket import Grant, caller_of, is_ticket, key_of, new_ticket, seal, unseal

GRANT = Grant(b"the-token", "api.test", caller_of("https://a/", "alice"), "events", "/events/1")


def counting(size: int) -> bytes:
    return bytes(range(size))


def test_a_ticket_is_a_word_of_256_random_bits() -> None:
    ticket = new_ticket(counting)

    assert is_ticket(ticket)
    assert len(ticket) == 43
    for other in (b"", ticket[1:], ticket + b"A", ticket[:-1] + b"=", ticket[:-1] + b"\n"):
        assert not is_ticket(other)


def test_what_is_kept_names_neither_the_ticket_nor_the_token() -> None:
    ticket = new_ticket(counting)
    sealed = seal(GRANT, ticket)

    assert unseal(sealed, ticket) == GRANT
    assert unseal(sealed, ticket[:-1] + b"A") is None
    assert unseal(sealed[:-1] + bytes((sealed[-1] ^ 1,)), ticket) is None
    for kept in (sealed, key_of(ticket)):
        assert ticket not in kept
        assert b"the-token" not in kept
    assert "the-token" not in repr(GRANT)


def test_callers_of_two_issuers_are_two() -> None:
    assert caller_of("https://a/", "x") != caller_of("https://b/", "x")
    assert caller_of('a","', "x") != caller_of("a", '","x')
