"""Say where in the configuration a route, an issuer or one of their keys stands."""

from collections.abc import Mapping

from gateway.settings.document import Part
from gateway.settings.fault import Place
from gateway.settings.files import Sources


class Places:
    """The places of everything that has a name; of a sound configuration."""

    def __init__(self, sources: Sources) -> None:
        self._main = Part(sources.main.document, (), sources.main.document.root)
        roots = [
            Part(source.document, (), source.document.root)
            for source in (sources.main, *sources.included)
        ]
        self._routes: Mapping[str, Part] = {
            str(route.child("name").raw): route
            for root in roots
            for route in _children(root.child("routes"))
        }
        self._issuers: Mapping[str, Part] = {
            str(issuer.path[-1]): issuer
            for root in roots
            for issuer in _children(root.child("issuers"))
        }

    def of_route(self, name: str, *keys: str) -> Place:
        """Return where the route *name*, or its setting under *keys*, stands.

        A setting that is not there stands where the nearest one around it does.
        """
        return _place(self._routes.get(name, self._main), keys)

    def of_issuer(self, name: str, *keys: str) -> Place:
        """Return where the issuer *name*, or its setting under *keys*, stands."""
        return _place(self._issuers.get(name, self._main), keys)

    def of(self, *keys: str) -> Place:
        """Return where a setting of the main file stands."""
        return _place(self._main, keys)


def _children(section: Part) -> list[Part]:
    if isinstance(section.raw, dict):
        return [section.child(name) for name in section.raw]
    if isinstance(section.raw, list):
        return [section.child(index) for index in range(len(section.raw))]
    return []


def _place(part: Part, keys: tuple[str, ...]) -> Place:
    for key in keys:
        child = part.child(key)
        if child.raw is None:
            break
        part = child
    return part.document.key_place(part.path)
