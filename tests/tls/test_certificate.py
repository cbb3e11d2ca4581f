"""What was read of certificates is a value: it can be compared and sent, and shows no key."""

import pickle

from gateway.tls.certificate import MACHINE_TRUST, ClientTls, ServerTls
from tests.certificates import AUTHORITY
from tests.tls.handshake import FIRST, SECOND, authorities


def test_a_key_is_in_no_representation() -> None:
    tls = ServerTls((FIRST, SECOND), authorities(AUTHORITY), True)

    assert "PRIVATE" not in repr((tls, ClientTls(None, None, FIRST)))


def test_another_process_has_the_same_value() -> None:
    tls = ServerTls((FIRST, SECOND), authorities(AUTHORITY), True)

    assert pickle.loads(pickle.dumps(tls)) == tls


def test_what_differs_by_a_key_alone_is_not_the_same() -> None:
    assert ClientTls(None, None, FIRST) != ClientTls(None, None, SECOND)
    assert ClientTls() == MACHINE_TRUST
    assert len({ClientTls(None, None, FIRST), ClientTls(None, None, FIRST)}) == 1
