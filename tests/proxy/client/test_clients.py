"""Every client's connection is known, those in their TLS handshake too."""

from gateway.proxy.client.clients import PASSED_ON_BYTES, READ_BYTES, Clients


class Connection:
    """What is counted."""


def test_one_that_opens_is_counted_once_before_and_after() -> None:
    clients: Clients[Connection] = Clients()
    connection = Connection()

    clients.expect(connection)
    assert (len(clients), list(clients)) == (1, [])

    clients.add(connection)
    assert (len(clients), list(clients)) == (1, [connection])

    clients.discard(connection)
    assert (len(clients), list(clients)) == (0, [])


def test_one_whose_handshake_fails_is_gone_without_a_word() -> None:
    clients: Clients[Connection] = Clients()
    connection = Connection()
    clients.expect(connection)

    del connection

    assert len(clients) == 0


def test_connections_may_come_and_go_while_all_are_looked_at() -> None:
    clients: Clients[Connection] = Clients()
    first, second = Connection(), Connection()
    clients.add(first)
    clients.add(second)

    for client in clients:
        clients.discard(client)
        clients.add(Connection())

    assert len(clients) == 2


def test_all_read_into_one_room_of_which_a_request_gets_little() -> None:
    clients: Clients[Connection] = Clients()

    clients.to_read[:3] = b"GET"

    assert clients.room.startswith(b"GET")
    assert (len(clients.to_read), len(clients.view)) == (READ_BYTES, PASSED_ON_BYTES)


def test_one_that_is_turned_away_is_there_but_not_served() -> None:
    clients: Clients[Connection] = Clients()
    served, refused = Connection(), Connection()
    clients.add(served)
    clients.add(refused)

    clients.turn_away(refused)
    assert (len(clients), clients.served) == (2, 1)

    clients.discard(refused)
    assert (len(clients), clients.served) == (1, 1)
