"""A gateway on the wire, as for the data port: what is written is judged by who receives it."""

from tests.proxy.conftest import (
    client,
    gateway,
    pytest_asyncio_loop_factories,
    service,
    start_gateway,
)

__all__ = ["client", "gateway", "pytest_asyncio_loop_factories", "service", "start_gateway"]
