"""Make all TLS contexts of one configuration at once, before it goes live."""

import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.tls.certificate import ClientTls, ServerTls
from gateway.tls.client_context import make_client_context
from gateway.tls.server_context import make_server_context


@dataclass(frozen=True, slots=True, eq=False)
class Contexts:
    """The TLS contexts of each listen address (None for plain HTTP), and of upstream servers."""

    servers: tuple[ssl.SSLContext | None, ...]
    clients: Mapping[ClientTls, ssl.SSLContext]


def make_contexts(
    servers: Sequence[ServerTls | None],
    clients: Iterable[ClientTls],
    known: Mapping[ServerTls, ssl.SSLContext],
) -> Contexts:
    """Return the contexts of *servers*, reusing those *known*, and of *clients*.

    Each takes milliseconds. Raises ssl.SSLError if OpenSSL rejects a certificate, OSError without
    a file descriptor.
    """
    made = dict(known)
    for tls in servers:
        if tls is not None and tls not in made:
            made[tls] = make_server_context(tls)
    contexts = tuple(None if tls is None else made[tls] for tls in servers)
    return Contexts(contexts, make_client_contexts(clients))


def make_client_contexts(clients: Iterable[ClientTls]) -> Mapping[ClientTls, ssl.SSLContext]:
    """Return a context for each of *clients*, shared by those that differ only in the name.

    Reading the machine's authorities takes milliseconds, and there may be many upstreams.
    """
    made: dict[ClientTls, ssl.SSLContext] = {}
    for tls in clients:
        key = ClientTls(tls.ca, None, tls.certificate, tls.http2)
        made[tls] = made[key] = made.get(key) or make_client_context(key)
    return made
