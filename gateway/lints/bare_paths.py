"""Warn about prefixes whose path without the last slash goes elsewhere, or nowhere."""

from collections import Counter
from collections.abc import Iterator

from gateway.decision.routes.routing import Route
from gateway.lints.nesting import Area, Nesting
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places

# So many prefixes of a host have a route for it before one that has none is a slip.
_USUAL = 2


def find_bare_paths(nesting: Nesting, places: Places) -> Iterator[Fault]:
    """Yield a warning for each prefix without a route for `/orders`, if that seems to be missing.

    `/orders/` does not match `/orders`. It is missed if a wider route to another service gets it,
    as many clients do not write the slash; or if most prefixes of the host have such a route.
    """
    bare = [(area, owner) for area, owner in nesting.bare() if area.routes]
    hosts = {area.host for area, _ in bare}
    own = Counter(area.host for area, owner in bare if owner is not None and not owner.is_prefix)
    every = Counter(area.host for area, _ in bare)
    usual = {host for host in hosts if own[host] >= _USUAL and 2 * own[host] > every[host]}
    warned: set[str] = set()
    for area, owner in bare:
        route = area.routes[0]
        if route.name in warned:
            continue
        path = route.path.removesuffix("/")
        write = f"add a route with `path: {path}`, e.g. a copy of `{route.name}`"
        if owner is None and area.host in usual:
            message = (
                f"`{path}` is not below `{route.path}`, and gets 404; other prefixes have a route"
                f" for theirs: {write}"
            )
        elif (other := _find_other(area, owner)) is not None:
            message = (
                f"`{path}` is not below `{route.path}`, and goes to `{other.upstream}` as of"
                f" `{other.name}` ({other.place}): {write}"
            )
        else:
            continue
        warned.add(route.name)
        part = places.route(route.name).child("match").child("path_prefix")
        yield part.warning(Code.BARE_PATH_LEFT, message)


def _find_other(area: Area, owner: Area | None) -> Route | None:
    """Return the route of *owner* that gets the path, if it goes to another service.

    All of a host (`/`) is a fallback: pages beside an API are meant to be there.
    """
    if owner is None or not owner.is_prefix or not owner.segments:
        return None
    own = {route.upstream for route in area.routes}
    owners = owner.owners(area.routes[0].methods)
    return next((route for route in owners if route.upstream not in own), None)
