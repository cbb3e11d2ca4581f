"""How documents are fetched from other machines: which trust, which proxy, which metadata."""

import ssl
from base64 import b64encode
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from yarl import URL

from gateway.settings.values.addresses import is_loopback
from gateway.settings.values.configuration import KeySource, Proxy, SourceKind
from gateway.tls.client_context import make_trusting_context


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """How the servers of one issuer, or of one list, are reached.

    *tls* is the trust, None for that of the session. If *is_insecure*, metadata may name addresses
    with plain http; the session connects to none that is public. *metadata_url* is where the
    metadata are, None if at the issuer itself.
    """

    tls: ssl.SSLContext | None = None
    proxy: Proxy | None = None
    is_insecure: bool = False
    metadata_url: str | None = None

    def options(self, url: URL) -> dict[str, Any]:
        """Return the options of the HTTP client for a request to *url*."""
        options: dict[str, Any] = {"ssl": True if self.tls is None else self.tls}
        proxy = self.proxy
        if proxy is not None and _covers(proxy, url):
            options["proxy"] = URL(proxy.url)
            if proxy.user is not None:
                # The library makes Proxy-Authorization of it; only so it does for plain http, too.
                options["proxy_headers"] = {"Authorization": _basic(proxy.user, proxy.password)}
        return options


DIRECT: Final = Reach()
"""Without a proxy, and with the trust of the session."""


def make_reach(source: KeySource) -> Reach:
    """Return how the servers of the issuer with this *source* are reached, for keys and tokens."""
    return Reach(
        make_trusting_context(source.ca),
        source.proxy,
        source.is_insecure,
        source.location if source.kind is SourceKind.DISCOVERY_URL else None,
    )


def _basic(user: str, password: str | None) -> str:
    """Return the credentials of RFC 7617, in UTF-8."""
    text = f"{user}:{password or ''}"
    return f"Basic {b64encode(text.encode()).decode('ascii')}"


def _covers(proxy: Proxy, url: URL) -> bool:
    """Return whether requests to *url* go through *proxy*."""
    host = (url.host or "").lower().removesuffix(".")
    if is_loopback(host):
        return proxy.covers_loopback
    if url.scheme == "http":
        # Only an insecure issuer has these. A proxy would look up the name, and nobody could tell
        # whether the address is public.
        return False
    try:
        address = ip_address(host)
    except ValueError:
        ends = (host[at:] for at, letter in enumerate(host) if letter == ".")
        return proxy.names.isdisjoint((host, *ends))
    return not any(address in network for network in proxy.networks)
