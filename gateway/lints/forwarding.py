"""Warn about upstreams that expose tokens or traffic, or that are the gateway itself."""

from collections.abc import Iterator
from ipaddress import ip_address

from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.addresses import is_loopback
from gateway.settings.values.configuration import Address, Server, Settings

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound


def find_forwarded_tokens(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning if several services receive tokens that the others accept, too."""
    upstreams = _token_upstreams(settings)
    if len(upstreams) > 1:
        message = (
            f"{len(upstreams)} upstreams receive tokens that the others accept, too: an intruder in"
            " one of them can use the tokens at all of them"
        )
        part = places.main().child("identity").child("forward_token")
        yield part.key_warning(Code.TOKEN_FORWARDED, message)


def find_insecure_upstreams(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each server that is reached over plain http where others can listen.

    Private networks are not reported unless tokens cross them: only the author knows where a
    name or a private address leads.
    """
    with_tokens = _token_upstreams(settings)
    for upstream in settings.upstreams.values():
        for index, server in enumerate(upstream.servers):
            if server.tls or is_loopback(server.host):
                continue
            if upstream.name in with_tokens:
                message = (
                    "bearer tokens are sent here over plain http: anyone who reads one can use it"
                )
            elif _is_public(server.host):
                message = (
                    "plain http over the public network: anyone on the path can read and change it"
                )
            else:
                continue
            part = places.upstream(upstream.name).child("servers").child(index)
            yield part.warning(Code.INSECURE_UPSTREAM, message)


def find_loops(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each server that is a port of the gateway itself."""
    circles = "this upstream is the gateway itself: a loop"
    own = [(one.address, circles) for one in settings.listen]
    if settings.admin is not None:
        message = "this upstream is the admin port, which is for operators: clients would reach it"
        own.append((settings.admin.address, message))
    for upstream in settings.upstreams.values():
        for index, server in enumerate(upstream.servers):
            for address, message in own:
                if _is_same(server, address):
                    part = places.upstream(upstream.name).child("servers").child(index)
                    yield part.warning(Code.UPSTREAM_IS_GATEWAY, message)


def _token_upstreams(settings: Settings) -> frozenset[str]:
    if not settings.policy.identity.forward_token:
        return frozenset()
    routes = settings.policy.routes.routes
    return frozenset(route.upstream for route in routes if not route.public)


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return False


def _is_same(server: Server, address: Address) -> bool:
    if server.port != address.port:
        return False
    hosts = {server.host, address.host}
    return len(hosts) == 1 or (
        is_loopback(server.host) and (address.host in _EVERYWHERE or is_loopback(address.host))
    )
