"""Make all contexts of one configuration at once, before it goes live."""

import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.tls.certificate import ClientTls, ServerTls
from gateway.tls.client_context import make_client_context
from gateway.tls.server_context import make_server_context


@dataclass(frozen=True, slots=True, eq=False)
class Contexts:
    """What is spoken TLS with: at each address of the data port, if it is, and to servers."""

    servers: tuple[ssl.SSLContext | None, ...]
    clients: Mapping[ClientTls, ssl.SSLContext]


def make_contexts(
    servers: Sequence[ServerTls | None],
    clients: Iterable[ClientTls],
    known: Mapping[ServerTls, ssl.SSLContext],
) -> Contexts:
    """Return the contexts for each of *servers*, those that are *known* again, and of *clients*.

    Takes milliseconds for each. Raises ssl.SSLError where OpenSSL does not take a certificate,
    OSError without a descriptor.
    """
    made = dict(known)
    for tls in servers:
        if tls is not None and tls not in made:
            made[tls] = make_server_context(tls)
    contexts = tuple(None if tls is None else made[tls] for tls in servers)
    return Contexts(contexts, make_client_contexts(clients))


def make_client_contexts(clients: Iterable[ClientTls]) -> Mapping[ClientTls, ssl.SSLContext]:
    """Return a context for each of *clients*: the same one for those that differ by name alone.

    To read the authorities of the machine takes milliseconds, and there may be many upstreams.
    """
    made: dict[ClientTls, ssl.SSLContext] = {}
    for tls in clients:
        key = ClientTls(tls.ca, None, tls.certificate)
        made[tls] = made[key] = made.get(key) or make_client_context(key)
    return made
