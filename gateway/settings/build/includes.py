"""Check the entries of `include`, and hold included files to what the entries grant."""

from collections.abc import Iterator, Mapping, Sequence

from gateway.decision.routes.routing import Route
from gateway.decision.routes.template import Segment, Variable, parse_template
from gateway.settings.build.checks import refuse_repeated
from gateway.settings.build.routes.routes import host_problem
from gateway.settings.build.sections import Named
from gateway.settings.schema.models import IncludeModel
from gateway.settings.schema.resources import ResourceModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.grants import Include
from gateway.settings.text.scalars import shorten
from gateway.settings.values.resource_identifier import Identifier, parse_identifier


def check_entries(entries: Sequence[str | IncludeModel], part: Part, faults: list[Fault]) -> None:
    """Refuse faults in *entries*, which are at *part*, that the schema does not catch."""
    for index, entry in enumerate(entries):
        if isinstance(entry, str):
            continue
        at = part.child(index)
        lists = (("may", entry.may), ("hosts", entry.hosts), ("under", entry.under))
        for key, values in lists:
            refuse_repeated(values or (), at.child(key), faults)
        for number, host in enumerate(entry.hosts or ()):
            problem = host_problem(host)
            if problem is not None:
                faults.append(at.child("hosts").child(number).fault(Code.BAD_VALUE, problem))
        for number, prefix in enumerate(entry.under or ()):
            problem = _prefix_problem(prefix)
            if problem is not None:
                faults.append(at.child("under").child(number).fault(Code.BAD_VALUE, problem))


def refuse_outside(
    routes: Sequence[Route],
    at_routes: Mapping[str, Part],
    resources: Sequence[Named[ResourceModel]],
    faults: list[Fault],
) -> None:
    """Refuse routes and resources of included files outside what `include` grants them."""
    for route in routes:
        part = at_routes[route.name].child("match")
        include = part.document.include
        if include is None or include.is_plain:
            continue
        at_path = part.child("path_prefix" if route.is_prefix else "path")
        segments = route.segments
        _refuse_path(include, segments, route.is_prefix, at_path, faults)
        at_hosts = part.child("hosts")
        if not route.hosts and include.hosts:
            faults.append(
                part.key_fault(Code.NOT_GRANTED, f"`hosts` is missing: {_confined(include)}")
            )
        for number, host in enumerate(route.hosts):
            _refuse_host(include, host, at_hosts.child(number), faults)
    for one, identifier in _identified(resources):
        part = one.part.child("resource")
        include = part.document.include
        if include is not None and not include.is_plain:
            _refuse_path(include, identifier.segments, True, part, faults)
            _refuse_host(include, identifier.host, part, faults)


def _identified(
    resources: Sequence[Named[ResourceModel]],
) -> Iterator[tuple[Named[ResourceModel], Identifier]]:
    for one in resources:
        identifier = None if one.model is None else parse_identifier(one.model.resource)
        if isinstance(identifier, Identifier):
            yield one, identifier


def _refuse_path(
    include: Include,
    segments: tuple[Segment, ...],
    is_prefix: bool,
    part: Part,
    faults: list[Fault],
) -> None:
    # An empty list has been reported already.
    if include.under and not include.owns_path(segments, is_prefix):
        faults.append(part.fault(Code.NOT_GRANTED, f"path not granted: {_confined(include)}"))


def _refuse_host(include: Include, host: str, part: Part, faults: list[Fault]) -> None:
    if include.hosts and not include.owns_host(host):
        message = f"`{shorten(host)}` is not granted: {_confined(include)}"
        faults.append(part.fault(Code.NOT_GRANTED, message))


def _confined(include: Include) -> str:
    return f"`include` restricts this file to `{include.confines}` ({include.at})"


def _prefix_problem(prefix: str) -> str | None:
    try:
        segments = parse_template(prefix, is_prefix=True)
    except ValueError as error:
        return str(error)
    if any(isinstance(segment, Variable) for segment in segments):
        return f"`{shorten(prefix)}`: a path prefix cannot have variables here"
    return None
