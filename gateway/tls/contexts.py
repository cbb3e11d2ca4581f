"""Make all contexts of one configuration at once, before it goes live."""

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.tls.certificate import ClientTls, ServerTls
from gateway.tls.client_context import make_client_context
from gateway.tls.server_context import make_server_context


@dataclass(frozen=True, slots=True, eq=False)
class Contexts:
    """What the data port speaks TLS with, if it does, and what servers are spoken to with."""

    server: ssl.SSLContext | None
    clients: Mapping[ClientTls, ssl.SSLContext]


def make_contexts(server: ServerTls | None, clients: Iterable[ClientTls]) -> Contexts:
    """Return the contexts for *server* and for each of *clients*.

    Takes milliseconds for each. Raises ssl.SSLError where OpenSSL does not take a certificate,
    OSError without a descriptor.
    """
    return Contexts(
        None if server is None else make_server_context(server), make_client_contexts(clients)
    )


def make_client_contexts(clients: Iterable[ClientTls]) -> Mapping[ClientTls, ssl.SSLContext]:
    """Return a context for each of *clients*: the same one for those that differ by name alone.

    To read the authorities of the machine takes milliseconds, and there may be many upstreams.
    """
    made: dict[ClientTls, ssl.SSLContext] = {}
    for tls in clients:
        key = ClientTls(tls.ca, None, tls.certificate)
        made[tls] = made[key] = made.get(key) or make_client_context(key)
    return made
