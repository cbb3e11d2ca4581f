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
        part = one.part.child("servers")
        parsed = [parse_server(text) for text in one.model.servers]
        faults.extend(
            part.child(index).fault(Code.BAD_VALUE, server)
            for index, server in enumerate(parsed)
            if isinstance(server, str)
        )
        servers = tuple(server for server in parsed if isinstance(server, Server))
        meant = [
            text if isinstance(server, str) else server
            for text, server in zip(one.model.servers, parsed, strict=True)
        ]
        refuse_repeated(one.model.servers, part, faults, meant)
        at_tls = one.part.child("tls")
        if at_tls.raw is not None:
            refuse_plain_servers(part, faults)
        tls = build_upstream_tls(one.model.tls, at_tls, one.directory, disk, faults)
        built[one.name] = Upstream(
            one.name,
            servers,
            one.model.connect_timeout,
            one.model.response_timeout,
            one.model.idle_timeout,
            tls if any(server.tls for server in servers) else None,
            build_balancing(one.model, one.part, faults),
            one.model.stall_timeout,
        )
    return built
