"""The table of people."""

from gateway.issuer.personas import PERSONAS, all_scopes, find_persona


def test_every_persona_is_found_by_its_client() -> None:
    for persona in PERSONAS.values():
        assert find_persona(persona.client_id) is persona


def test_an_unknown_client_is_nobody() -> None:
    assert find_persona("nobody") is None


def test_no_client_id_is_a_subject() -> None:
    """RFC 9068 §5: a service must not take a client for a person."""
    subjects = {persona.subject for persona in PERSONAS.values()}

    assert subjects.isdisjoint(persona.client_id for persona in PERSONAS.values())


def test_alice_reads_and_bob_writes() -> None:
    assert "orders:write" not in PERSONAS["alice"].scopes
    assert "orders:write" in PERSONAS["bob"].scopes


def test_all_scopes_names_each_scope_once() -> None:
    assert list(all_scopes()) == sorted(
        {scope for persona in PERSONAS.values() for scope in persona.scopes}
    )


def test_a_secret_does_not_show_in_a_repr() -> None:
    assert PERSONAS["alice"].client_secret not in repr(PERSONAS["alice"])
