"""All connections are counted, also those in their TLS handshake."""

from gateway.proxy.client.clients import BODY_READ_BYTES, READ_BYTES, Clients, Networks


class Connection:
    """A connection to be counted."""


def test_a_connection_is_counted_once_during_and_after_its_handshake() -> None:
    clients: Clients[Connection] = Clients()
    new, connection = Connection(), Connection()

    clients.begin_handshake(new)
    assert (len(clients), list(clients)) == (1, [])

    clients.end_handshake(new)
    clients.add(connection, b"a")
    assert (len(clients), list(clients)) == (1, [connection])

    clients.discard(connection)
    assert (len(clients), list(clients)) == (0, [])


def test_a_connection_whose_handshake_fails_is_forgotten() -> None:
    clients: Clients[Connection] = Clients()
    connection = Connection()
    clients.begin_handshake(connection)

    del connection

    assert len(clients) == 0


def test_connections_may_open_and_close_during_an_iteration() -> None:
    clients: Clients[Connection] = Clients()
    first, second = Connection(), Connection()
    clients.add(first, b"a")
    clients.add(second, b"a")

    for client in clients:
        clients.discard(client)
        clients.add(Connection(), b"a")

    assert len(clients) == 2


def test_connections_share_one_buffer_and_a_request_uses_little_of_it() -> None:
    clients: Clients[Connection] = Clients()

    clients.request_view[:3] = b"GET"

    assert clients.buffer.startswith(b"GET")
    assert (len(clients.request_view), len(clients.view)) == (READ_BYTES, BODY_READ_BYTES)


def test_a_refused_connection_is_open_but_not_served() -> None:
    clients: Clients[Connection] = Clients()
    served, refused = Connection(), Connection()
    clients.add(served, b"a")
    clients.add(refused, b"a")

    clients.refuse(refused)
    assert (len(clients), clients.served, clients.count(b"a")) == (2, 1, 1)

    clients.discard(refused)
    assert (len(clients), clients.served, clients.count(b"a")) == (1, 1, 1)


def test_a_successor_stands_for_a_connection_in_its_network() -> None:
    clients: Clients[Connection] = Clients()
    first, other, successor = Connection(), Connection(), Connection()
    clients.add(first, b"a")
    clients.add(other, b"a")

    clients.replace(first, successor)

    assert set(clients) == {other, successor}
    assert (len(clients), clients.served) == (2, 2)
    assert clients.count(b"a") == 2
    clients.discard(successor)
    assert clients.count(b"a") == 1


def test_each_network_is_counted_separately() -> None:
    networks = Networks()

    for one in (b"a", b"a", b"b", b"a"):
        networks.add(one)
    networks.discard(b"a")

    assert (networks.count(b"a"), networks.count(b"b"), networks.count(b"c")) == (2, 1, 0)


def test_a_network_without_connections_is_forgotten() -> None:
    networks = Networks()
    for _ in range(2):
        networks.add(b"a")

    networks.discard(b"a")
    assert len(networks) == 1
    networks.discard(b"a")
    assert len(networks) == 0
    assert networks.count(b"a") == 0
