"""Build the upstreams from their settings."""

from collections.abc import Sequence

from gateway.settings.addresses import parse_server
from gateway.settings.balancing import build_balancing
from gateway.settings.disk import Disk
from gateway.settings.fault import Code, Fault
from gateway.settings.issuers import refuse_repeated
from gateway.settings.models import UpstreamModel
from gateway.settings.sections import Named
from gateway.settings.upstream_tls import build_upstream_tls, refuse_plain_servers
from gateway.settings.values import Server, Upstream


def build_upstreams(
    named: Sequence[Named[UpstreamModel]], disk: Disk, faults: list[Fault]
) -> dict[str, Upstream]:
    """Return the sound upstreams by name."""
    built: dict[str, Upstream] = {}
    for one in named:
        if one.model is None:
            continue
        servers: list[Server] = []
        part = one.part.child("servers")
        for index, text in enumerate(one.model.servers):
            server = parse_server(text)
            if isinstance(server, Server):
                servers.append(server)
            else:
                faults.append(part.child(index).fault(Code.BAD_VALUE, server))
        refuse_repeated(one.model.servers, part, faults)
        at_tls = one.part.child("tls")
        if at_tls.raw is not None:
            refuse_plain_servers(part, faults)
        tls = build_upstream_tls(one.model.tls, at_tls, one.directory, disk, faults)
        built[one.name] = Upstream(
            one.name,
            tuple(servers),
            one.model.connect_timeout,
            one.model.response_timeout,
            one.model.idle_timeout,
            tls if any(server.tls for server in servers) else None,
            build_balancing(one.model, one.part, faults),
        )
    return built
