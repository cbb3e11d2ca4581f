"""Find the place of named parts in a valid configuration, and what is written there."""

from collections.abc import Mapping, Sequence

from gateway.decision.identity import canonical_alias
from gateway.settings.text.document import Document, Part
from gateway.settings.text.fault import Place
from gateway.settings.text.files import Sources


class Places:
    """The places of everything that has a name in a valid configuration."""

    def __init__(self, sources: Sources) -> None:
        self.documents: Sequence[Document] = [
            source.document for source in (sources.main, *sources.included)
        ]
        roots = [Part(document, (), document.root) for document in self.documents]
        self._main = roots[0]
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
        self._upstreams: Mapping[str, Part] = {
            str(upstream.path[-1]): upstream
            for root in roots
            for upstream in _children(root.child("upstreams"))
        }

    def main(self) -> Part:
        """Return the whole main file."""
        return self._main

    def listen(self, index: int) -> Part:
        """Return the part of one listen address of the data port."""
        listen = self._main.child("listen")
        return listen.child(index) if isinstance(listen.raw, list) else listen

    def route(self, name: str) -> Part:
        """Return the part of the route *name*; the main file if there is none."""
        return self._routes.get(name, self._main)

    def issuer(self, name: str) -> Part:
        """Return the part of the issuer *name*; the main file if there is none."""
        return self._issuers.get(name, self._main)

    def upstream(self, name: str) -> Part:
        """Return the part of the upstream *name*; the main file if there is none."""
        return self._upstreams.get(name, self._main)

    def identity_header(self, name: bytes, issuer: str, route: str) -> Part:
        """Return the setting of the identity header *name* for tokens of *issuer* on *route*.

        That of the route comes before that of the issuer, and both before the general one.
        """
        alias = canonical_alias(name)
        owners = (self._routes.get(route), self._issuers.get(issuer), self._main)
        for owner in owners:
            headers = (owner or self._main).child("identity").child("headers")
            for written in headers.raw if isinstance(headers.raw, dict) else ():
                if owner is not None and canonical_alias(written.encode()) == alias:
                    return headers.child(written)
        return self._main.child("identity").child("headers").child(name.decode("ascii"))

    def route_says(self, name: str, *keys: str) -> bool:
        """Return whether the setting under *keys* is written in the route *name*."""
        part = self.route(name)
        for key in keys:
            part = part.child(key)
        return part.raw is not None

    def of_route(self, name: str, *keys: str) -> Place:
        """Return the place of the route *name*, or of its setting under *keys*.

        A setting that is not written has the place of the nearest one around it.
        """
        return _place(self.route(name), keys)

    def of_issuer(self, name: str, *keys: str) -> Place:
        """Return the place of the issuer *name*, or of its setting under *keys*."""
        return _place(self.issuer(name), keys)

    def of_upstream(self, name: str, *keys: str) -> Place:
        """Return the place of the upstream *name*, or of its setting under *keys*."""
        return _place(self.upstream(name), keys)

    def of(self, *keys: str) -> Place:
        """Return the place of a setting in the main file."""
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
