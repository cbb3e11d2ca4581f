"""Find the requests at paths that the gateway itself answers, before or after a change."""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import NamedTuple

from gateway.decision.policy import ANY_HOST
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.segments import split_segments
from gateway.suites.symbolic.fresh import Fresh
from gateway.suites.symbolic.ownership import Ownership
from gateway.suites.symbolic.tries import HostTries
from gateway.suites.symbolic.walk import find_leaf


class OwnPath(NamedTuple):
    """The requests to one *authority* and *path*, by any method."""

    authority: str
    path: bytes
    segments: tuple[str, ...]


def find_own_paths(
    old: Ownership, new: Ownership, tries: Iterable[HostTries], fresh: Fresh
) -> Iterator[OwnPath]:
    """Yield what the gateway itself may answer, on every host that may differ from all others."""
    both = old, new
    for path in sorted(old.own_paths | new.own_paths):
        if all(ANY_HOST in side.own_hosts(path) for side in both):
            continue  # on every host, before and after
        segments = split_segments(path)
        if isinstance(segments, str):
            continue  # no request has such a path
        authorities = dict.fromkeys(_routed(segments, tries, fresh))
        for side in both:
            authorities.update(dict.fromkeys(host for host in side.own_hosts(path) if host))
        for host in sorted(old.origins.keys() | new.origins.keys()):
            origins = old.origins.get(host, set()) | new.origins.get(host, set())
            authorities.update(dict.fromkeys((host, *sorted(origins))))
            # At other ports, paths of logins may belong to routes.
            ports = (f"{host}:{port}" for port in count(1))
            authorities[next(one for one in ports if one not in origins)] = None
        for authority in authorities:
            yield OwnPath(authority, path, segments)


def _routed(segments: tuple[str, ...], tries: Iterable[HostTries], fresh: Fresh) -> Iterator[str]:
    """Yield a host for each trie that has an owner of the path."""
    for one in tries:
        for host, root in one.roots.items():
            if find_leaf((root,), segments) is not None:
                name = fresh.host(host)
                if canonical_host(name.encode()) == name:
                    yield name
