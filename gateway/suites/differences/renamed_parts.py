"""Find parts that only have another name, and call them by the same name in both configurations.

That holds for rate limits, revocation lists and logins, whose names routes and callers mention. A
part is only renamed if no other one that comes or goes is like it.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace

from gateway.decision.routes.routing import Route, RouteTable
from gateway.settings.load import Loaded
from gateway.settings.values.configuration import Settings
from gateway.suites.differences.facet import Facets
from gateway.suites.differences.general_facets import revocation_facets
from gateway.suites.differences.issuer_facets import login_facets
from gateway.suites.differences.limit_facets import rate_limit_facets

Names = Mapping[str, str]
Meanings = Mapping[str, Hashable]  # by name


@dataclass(frozen=True, slots=True)
class Renamed:
    """The old names of renamed parts, by their new ones."""

    limits: Names
    lists: Names
    logins: Names

    def __bool__(self) -> bool:
        """Return whether anything was renamed."""
        return bool(self.limits or self.lists or self.logins)


def find_renamed(old: Loaded, new: Loaded) -> Renamed:
    """Return what *new* calls otherwise than *old*."""

    def match(meanings: Callable[[Settings], Meanings]) -> Names:
        return _match(meanings(old.settings), meanings(new.settings))

    return Renamed(match(_limits), match(_lists), match(_logins))


def with_old_names(new: Loaded, renamed: Renamed) -> Loaded:
    """Return *new* with the old names of what was *renamed*; its places have the new ones."""
    if not renamed:
        return new
    settings = _rename_logins(_rename_limits(new.settings, renamed.limits), renamed.logins)
    return replace(new, settings=_rename_lists(settings, renamed.lists))


def _match(old: Meanings, new: Meanings) -> Names:
    gone, come = _unique(old, new), _unique(new, old)
    return {name: gone[meaning] for meaning, name in come.items() if meaning in gone}


def _unique(own: Meanings, others: Meanings) -> Mapping[Hashable, str]:
    """Return the names that only one side has, by their meaning, but none of those alike."""
    found: dict[Hashable, list[str]] = {}
    for name, meaning in own.items():
        if name not in others:
            found.setdefault(meaning, []).append(name)
    return {meaning: names[0] for meaning, names in found.items() if len(names) == 1}


def _limits(settings: Settings) -> Meanings:
    limits = settings.rate_limiting.limits
    return {name: _meaning(rate_limit_facets(one)) for name, one in limits.items()}


def _lists(settings: Settings) -> Meanings:
    """Return where each list comes from: what else it has is compared."""
    return {
        name: _meaning({"location": revocation_facets(one, settings)["location"]})
        for name, one in settings.revocations.items()
    }


def _logins(settings: Settings) -> Meanings:
    logins = settings.logins
    return {name: _meaning(login_facets(one, settings)) for name, one in logins.items()}


def _meaning(facets: Facets) -> Hashable:
    return tuple((name, one.value) for name, one in facets.items())


def _rename_limits(settings: Settings, names: Names) -> Settings:
    limiting = settings.rate_limiting
    own = {
        one.name: replace(one, name=names.get(one.name, one.name))
        for one in limiting.limits.values()
    }
    limits = {one.name: one for one in own.values()}
    routes = tuple(tuple(own[one.name] for one in route) for route in limiting.routes)
    return replace(settings, rate_limiting=replace(limiting, limits=limits, routes=routes))


def _rename_lists(settings: Settings, names: Names) -> Settings:
    lists = {
        names.get(name, name): replace(one, rule=replace(one.rule, name=names.get(name, name)))
        for name, one in settings.revocations.items()
    }
    of_issuers = {
        issuer: tuple(lists[names.get(rule.name, rule.name)].rule for rule in rules)
        for issuer, rules in settings.policy.revocations.items()
    }
    policy = replace(settings.policy, revocations=of_issuers)
    return replace(settings, revocations=lists, policy=policy)


def _rename_logins(settings: Settings, names: Names) -> Settings:
    if not names:
        return settings
    logins = {
        names.get(name, name): replace(one, name=names.get(name, name))
        for name, one in settings.logins.items()
    }

    def rename(route: Route) -> Route:
        rules = tuple(replace(one, name=names.get(one.name, one.name)) for one in route.login)
        return replace(route, login=rules) if rules else route

    table = RouteTable([rename(route) for route in settings.policy.routes.routes])
    return replace(settings, logins=logins, policy=replace(settings.policy, routes=table))
