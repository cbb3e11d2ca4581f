"""A TLS handshake in memory, between two real sides."""

import ssl
from typing import cast

import trustme

from gateway.tls.certificate import Authorities, Certificate, ServerTls
from tests.certificates import AUTHORITY, chain_of, trusting


def certificate(*names: str, authority: trustme.CA = AUTHORITY) -> Certificate:
    leaf = authority.issue_cert(*names)
    key = leaf.private_key_pem.bytes()
    return Certificate("a.pem", names, chain_of(leaf), key, 0.0, 0.0)


def authorities(*trusted: trustme.CA) -> Authorities:
    return Authorities("ca.pem", b"".join(one.cert_pem.bytes() for one in trusted), 0.0)


FIRST, SECOND = certificate("first.example", "127.0.0.1"), certificate("*.second.example")
PLAIN = ServerTls((FIRST,), None, False)


class Handshake:
    """A client and a server that have shaken hands; raises ssl.SSLError where one refuses."""

    def __init__(
        self,
        server: ssl.SSLContext,
        client: ssl.SSLContext,
        name: str | None = "first.example",
        session: ssl.SSLSession | None = None,
    ) -> None:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(to_client, to_server, False, name, session)
        self.server = server.wrap_bio(to_server, to_client, True)
        for _ in range(4):
            for side in (self.client, self.server):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        self.server.write(b"hello")
        assert self.client.read(5) == b"hello"  # with TLS 1.3, a refused client learns it here

    def names(self) -> set[str]:
        shown = self.client.getpeercert()
        assert shown
        alternatives = cast("tuple[tuple[str, str], ...]", shown["subjectAltName"])
        return {name for kind, name in alternatives if kind == "DNS"}


def with_certificate(authority: trustme.CA) -> ssl.SSLContext:
    """Return what a client with a certificate of *authority* speaks TLS with."""
    context = trusting()
    authority.issue_cert("client@example.com").configure_cert(context)
    return context
