"""Find differences in meaning besides routes: issuers, identity, scopes, lists, limits."""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType

from gateway.decision.identity import (
    CGI_PREFIX,
    IDENTITY_START,
    canonical_alias,
    identity_aliases,
)
from gateway.settings.load import Loaded
from gateway.settings.text.fault import Place
from gateway.settings.text.grants import Include
from gateway.settings.text.places import Places
from gateway.suites.differences.facet import (
    Change,
    Facet,
    Facets,
    Kind,
    Kinds,
    Statement,
    differing,
    judge,
    summarise,
)
from gateway.suites.differences.general_facets import (
    credential_facets,
    include_facets,
    resource_facets,
    revocation_facets,
    scope_facets,
)
from gateway.suites.differences.identity_facets import (
    identity_facets,
    issuer_header_facets,
    own_header_names,
)
from gateway.suites.differences.issuer_facets import issuer_facets, login_facets
from gateway.suites.differences.judges import CLOSED, NOTHING
from gateway.suites.differences.limit_facets import (
    fetch_facets,
    limit_facets,
    rate_limit_facets,
    upstream_facets,
)
from gateway.suites.differences.renamed_parts import Names, Renamed
from gateway.suites.differences.tls_facets import listen_tls_facets, upstream_tls_facets
from gateway.suites.symbolic.origins import find_issuer, find_origins

# What a part that comes or goes means besides the requests that it affects, which are compared.
_ADDED: Mapping[str, Kinds] = {
    "issuer": frozenset({Kind.KEYS}),
    "revocation list": CLOSED,
    "include": frozenset({Kind.LOOSENED}),
}
_REMOVED: Mapping[str, Kinds] = {
    "revocation list": frozenset({Kind.OPENED}),
    "include": CLOSED,
}

At = Callable[[tuple[str, ...]], Place]
Section = tuple[str, Facets, At]  # its name, its facets, and the places of its settings


NAME = "name"
_UNCHANGED: Names = MappingProxyType({})
_SAME = Renamed(_UNCHANGED, _UNCHANGED, _UNCHANGED)


def compare_access(old: Loaded, new: Loaded, *, renamed: Renamed = _SAME) -> Iterator[Change]:
    """Yield the differences in who has access, and in what services learn about them.

    In *new*, all that was *renamed* has its old name.
    """
    lists, logins = (_reversed(names) for names in (renamed.lists, renamed.logins))
    yield from _compare_sections("issuer", _issuers(old), _issuers(new))
    yield from _compare_names(old, new)
    yield from _compare_sections("login", _logins(old), _logins(new, logins))
    for subject, facets in (
        ("identity", identity_facets),
        ("scope_implies", scope_facets),
        ("TLS", listen_tls_facets),
    ):
        before, after = facets(old.settings), facets(new.settings)
        yield from _compare("", subject, before, after, _of(old.places), _of(new.places))
    yield from _compare_freed(old, new)
    yield from _compare_common("TLS to the upstream", _upstream_tls(old), _upstream_tls(new))
    yield from _compare_common("credentials of the upstream", _credentials(old), _credentials(new))
    yield from _compare_sections("revocation list", _lists(old), _lists(new, lists))
    yield from _compare_sections("resource", _resources(old), _resources(new))
    yield from _compare_sections("include", *_includes(old, new))


def compare_limits(old: Loaded, new: Loaded, *, renamed: Renamed = _SAME) -> Iterator[Change]:
    """Yield the differences in limits and timeouts; *renamed* is as for ``compare_access``."""
    limits, lists = (_reversed(names) for names in (renamed.limits, renamed.lists))
    before, after = limit_facets(old.settings), limit_facets(new.settings)
    yield from _compare("", "limit", before, after, _of(old.places), _of(new.places))
    yield from _compare_sections("rate limit", _rate_limits(old), _rate_limits(new, limits))
    for subject, before_parts, after_parts in (
        ("keys of the issuer", _key_times(old), _key_times(new)),
        ("fetching the revocation list", _list_times(old), _list_times(new, lists)),
        ("timeouts of the upstream", _waits(old), _waits(new)),
    ):
        yield from _compare_common(subject, before_parts, after_parts)


def _reversed(names: Names) -> Names:
    return {old: new for new, old in names.items()}


def _compare_names(old: Loaded, new: Loaded) -> Iterator[Change]:
    """Yield each `iss` whose tokens another issuer signs than before, although both knew it.

    An issuer that is new is told as such.
    """
    before, after = old.settings.policy, new.settings.policy
    for origin in find_origins(before, after)[0]:
        one, other = (find_issuer(policy, origin) for policy in (before, after))
        if one is None or other is None or one[0].issuer == other[0].issuer:
            continue
        said = origin.iss or origin.pattern or origin.domain
        was, becomes = (
            Statement(f"{said} is issued by {name}", _of_issuer(side.places, name)(()))
            for name, side in ((one[0].name, old), (other[0].name, new))
        )
        yield Change("issuer", other[0].name, "iss", was, becomes, frozenset({Kind.KEYS}))


def _compare_freed(old: Loaded, new: Loaded) -> Iterator[Change]:
    """Yield the fields that clients may send from now on, since they carry identity nowhere.

    A name that an issuer or a route has of its own is removed from every request.
    """
    kept = identity_aliases(new.settings.policy.identity)
    for name in sorted(own_header_names(old.settings.policy)):
        alias = canonical_alias(name).removeprefix(CGI_PREFIX)
        if alias in kept or alias.startswith(IDENTITY_START):
            continue
        at, shown = ("identity", "headers"), name.decode("latin-1").lower()
        was = Statement("removed from every request", old.places.of(*at))
        becomes = Statement("as clients send it", new.places.of(*at))
        yield Change("identity", "", shown, was, becomes, frozenset({Kind.LOOSENED}))


def _compare_common(
    subject: str, old: Mapping[str, Section], new: Mapping[str, Section]
) -> Iterator[Change]:
    """Compare the parts that both have; added and removed parts are reported elsewhere."""
    common = old.keys() & new.keys()
    one, other = ({key: side[key] for key in side if key in common} for side in (old, new))
    # So is another name.
    yield from (change for change in _compare_sections(subject, one, other) if change.facet != NAME)


def _compare_sections(
    subject: str, old: Mapping[str, Section], new: Mapping[str, Section]
) -> Iterator[Change]:
    for key in dict.fromkeys((*new, *old)):
        before, after = old.get(key), new.get(key)
        if before is None and after is not None:
            name, facets, at = after
            statement = Statement(summarise(facets), at(()))
            yield Change(subject, name, "", None, statement, _ADDED.get(subject, NOTHING))
        elif after is None and before is not None:
            name, facets, at = before
            statement = Statement(summarise(facets), at(()))
            yield Change(subject, name, "", statement, None, _REMOVED.get(subject, NOTHING))
        elif before is not None and after is not None:
            if before[0] != after[0] and NAME not in after[1]:
                was, becomes = (Statement(side[0], side[2](())) for side in (before, after))
                yield Change(subject, after[0], NAME, was, becomes)
            yield from _compare(after[0], subject, before[1], after[1], before[2], after[2])


def _compare(  # noqa: PLR0913, PLR0917 - two sides of one part
    name: str, subject: str, old: Facets, new: Facets, at_old: At, at_new: At
) -> Iterator[Change]:
    for facet, before, after in differing(old, new):
        yield Change(
            subject,
            name,
            facet,
            _statement(before, after, at_old),
            _statement(after, before, at_new),
            judge(before, after),
        )


def _statement(own: Facet | None, other: Facet | None, at: At) -> Statement:
    if own is not None:
        return Statement(own.text, at(own.keys))
    return Statement("nothing", at(() if other is None else other.keys))


def _of(places: Places) -> At:
    return lambda keys: places.of(*keys)


def _below(places: Places, *start: str) -> At:
    return lambda keys: places.of(*start, *keys)


def _of_issuer(places: Places, name: str) -> At:
    return lambda keys: places.of_issuer(name, *keys)


def _issuers(loaded: Loaded) -> dict[str, Section]:
    """Return the issuers by `iss`: under another name, it is the same issuer."""
    general = loaded.settings.policy.identity
    return {
        one.issuer.issuer: (
            name,
            issuer_facets(name, one) | issuer_header_facets(one.issuer.identity, general),
            _of_issuer(loaded.places, name),
        )
        for name, one in loaded.settings.issuers.items()
    }


def _logins(loaded: Loaded, own: Names = _UNCHANGED) -> dict[str, Section]:
    """Return the logins by the names that both configurations have for them.

    *own* are those that the file of *loaded* has instead.
    """
    settings, places = loaded.settings, loaded.places
    return {
        name: (
            own.get(name, name),
            login_facets(one, settings),
            _below(places, "login", own.get(name, name)),
        )
        for name, one in settings.logins.items()
    }


def _key_times(loaded: Loaded) -> dict[str, Section]:
    return {
        one.issuer.issuer: (
            name,
            fetch_facets(one.times, one.is_required, one.times.unknown_kid_cooldown_seconds),
            _of_issuer(loaded.places, name),
        )
        for name, one in loaded.settings.issuers.items()
    }


def _lists(loaded: Loaded, own: Names = _UNCHANGED) -> dict[str, Section]:
    settings, places = loaded.settings, loaded.places
    return {
        name: (
            own.get(name, name),
            revocation_facets(one, settings),
            _below(places, "revocations", own.get(name, name)),
        )
        for name, one in settings.revocations.items()
    }


def _rate_limits(loaded: Loaded, own: Names = _UNCHANGED) -> dict[str, Section]:
    return {
        name: (
            own.get(name, name),
            rate_limit_facets(one),
            _below(loaded.places, "rate_limits", own.get(name, name)),
        )
        for name, one in loaded.settings.rate_limiting.limits.items()
    }


def _list_times(loaded: Loaded, own: Names = _UNCHANGED) -> dict[str, Section]:
    return {
        name: (
            own.get(name, name),
            fetch_facets(one.times, one.is_required),
            _below(loaded.places, "revocations", own.get(name, name)),
        )
        for name, one in loaded.settings.revocations.items()
    }


def _resources(loaded: Loaded) -> dict[str, Section]:
    return {
        one.identifier: (one.name, resource_facets(one), _at(one.place))
        for one in loaded.settings.resources
    }


def _includes(old: Loaded, new: Loaded) -> tuple[dict[str, Section], dict[str, Section]]:
    """Return the entries of `include`, on both sides, that grant something on one side."""
    sides = [{one.pattern: one for one in loaded.includes} for loaded in (old, new)]
    shown = {pattern for side in sides for pattern, one in side.items() if not one.is_plain}
    moved = sides[0].keys() ^ sides[1].keys()
    if shown & moved:
        shown |= moved  # under another pattern, its files may have lost a restriction
    before, after = (_sections_of(side, shown) for side in sides)
    return before, after


def _sections_of(side: Mapping[str, Include], shown: Collection[str]) -> dict[str, Section]:
    return {
        pattern: (pattern, include_facets(one), _at_place(one.place))
        for pattern, one in side.items()
        if pattern in shown
    }


def _at_place(place: Place) -> At:
    return lambda _: place


def _waits(loaded: Loaded) -> dict[str, Section]:
    return {
        name: (name, upstream_facets(one), _of_upstream(loaded.places, name))
        for name, one in loaded.settings.upstreams.items()
    }


def _upstream_tls(loaded: Loaded) -> dict[str, Section]:
    return {
        name: (name, upstream_tls_facets(one.tls), _below_upstream(loaded.places, name))
        for name, one in loaded.settings.upstreams.items()
        if one.tls is not None
    }


def _credentials(loaded: Loaded) -> dict[str, Section]:
    settings, places = loaded.settings, loaded.places
    return {
        name: (name, credential_facets(one.credentials, settings), _below_upstream(places, name))
        for name, one in settings.upstreams.items()
    }


def _below_upstream(places: Places, name: str) -> At:
    return lambda keys: places.of_upstream(name, *keys)


def _of_upstream(places: Places, name: str) -> At:
    part = places.upstream(name)
    return lambda _: part.document.key_place(part.path)


def _at(place: str) -> At:
    file, _, line = place.rpartition(":")
    return lambda _: Place(file, int(line), 1)
