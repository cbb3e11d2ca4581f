"""What pools of one address have in common, whatever their servers speak."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from gateway.proxy.upstream.address_pool import MachineFault
from gateway.settings.values.configuration import UpstreamProtocol
from tests.proxy.pools import make_pool

PROTOCOLS = [UpstreamProtocol.HTTP1, UpstreamProtocol.H2C]


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Let nothing be opened meanwhile, as if all descriptors were taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    try:
        with suppress(OSError):  # EMFILE
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for one in taken:
            os.close(one)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_lack_of_descriptors_is_no_failure_of_the_server(
    protocol: UpstreamProtocol,
) -> None:
    pool = make_pool("http://127.0.0.1:9", protocol=protocol)
    (member,) = pool._members.all

    with no_descriptors(), pytest.raises(MachineFault):
        await pool.connect()

    assert (member.pool.tally.failures, member.pool.in_flight) == (0, 0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_the_name_in_the_handshake_is_that_of_the_server(protocol: UpstreamProtocol) -> None:
    pool = make_pool("http://127.0.0.1:9", protocol=protocol)
    (member,) = pool._members.all

    assert (member.pool.server_name, member.pool.tls) == (None, None)
