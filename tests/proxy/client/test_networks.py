"""Connections are counted by network, and a network that is gone costs no memory."""

from gateway.proxy.client.networks import Networks


def test_each_network_has_a_count_of_its_own() -> None:
    networks = Networks()

    assert [networks.add(one) for one in (b"a", b"a", b"b", b"a")] == [1, 2, 1, 3]
    networks.discard(b"a")
    assert networks.add(b"a") == 3


def test_a_network_without_connections_is_forgotten() -> None:
    networks = Networks()
    for _ in range(2):
        networks.add(b"a")

    networks.discard(b"a")
    assert len(networks) == 1
    networks.discard(b"a")
    assert len(networks) == 0
    assert networks.add(b"a") == 1
