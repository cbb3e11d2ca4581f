"""Collect all warnings about a valid configuration."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.lints.bare_paths import find_bare_paths
from gateway.lints.certificates import find_ending_certificates
from gateway.lints.claim_values import find_claim_faults
from gateway.lints.dropped_rules import find_dropped_rules
from gateway.lints.forwarding import (
    find_forwarded_tokens,
    find_insecure_upstreams,
    find_loops,
)
from gateway.lints.grpc import find_unreachable_calls, find_unreadable_calls
from gateway.lints.guards import find_opened_guards, find_surrounded_guards
from gateway.lints.identifiers import (
    find_open_issuers,
    find_placeholders,
    find_suspect_issuers,
    find_vendor_mismatches,
)
from gateway.lints.logins import (
    find_login_faults,
    find_readable_sessions,
    find_useless_sessions,
)
from gateway.lints.nesting import Nesting
from gateway.lints.rewritten_guards import find_rewritten_guards
from gateway.lints.scopes import find_scope_patterns, find_suspect_scopes, find_unused_scopes
from gateway.lints.secrets import find_written_secrets
from gateway.lints.subjects import find_ambiguous_subjects, find_changeable_subjects
from gateway.lints.taken_guards import find_taken_guards
from gateway.lints.trust import (
    find_long_times,
    find_shared_keys,
    find_short_cooldowns,
    find_symmetric,
)
from gateway.lints.unreachable import (
    find_hidden_methods,
    find_shadowed,
    find_unknown_methods,
    find_unreachable,
)
from gateway.lints.worker_shares import find_limits_below_workers
from gateway.settings.load import Loaded
from gateway.settings.text.fault import Fault, name_routes
from gateway.settings.text.places import Places
from gateway.settings.text.suppressions import Suppressed, apply_suppressions, find_unused
from gateway.settings.values.configuration import Settings


@dataclass(frozen=True, slots=True)
class LintResult:
    """All warnings about a configuration, in order of place, and those it suppresses."""

    warnings: tuple[Fault, ...]
    suppressed: tuple[Suppressed, ...]


def lint(loaded: Loaded, now: float, others: Iterable[Fault] = ()) -> LintResult:
    """Return all warnings about *loaded* at the time *now*, its own included.

    This reads no further file and no network; *others* are faults found there, errors included.
    *now* is in seconds since the epoch.
    """
    settings, places = loaded.settings, loaded.places
    ending = find_ending_certificates(settings, places, now)
    found = name_routes([*_routes(settings, places), *_rest(settings, places), *ending, *others])
    kept, suppressed = apply_suppressions(found, loaded.suppressions)
    every = [*loaded.suppressed, *suppressed]
    warnings = [*loaded.warnings, *kept, *find_unused(loaded.suppressions, every)]
    return LintResult(
        tuple(sorted(warnings, key=lambda fault: fault.place)),
        tuple(sorted(every, key=lambda one: one.fault.place)),
    )


def _routes(settings: Settings, places: Places) -> Iterator[Fault]:
    routes = settings.policy.routes.routes
    nesting = Nesting(routes)
    yield from find_unreachable(nesting, places)
    yield from find_shadowed(nesting, settings.policy.documents, places)
    yield from find_hidden_methods(nesting, places)
    yield from find_unknown_methods(routes, places)
    opened = list(find_opened_guards(nesting, places))
    yield from opened
    warned = {fault.place for fault in opened}
    taken = find_taken_guards(settings.policy.routes, places)
    yield from (fault for fault in taken if fault.place not in warned)
    yield from find_surrounded_guards(nesting, settings.upstreams, places)
    yield from find_rewritten_guards(settings, places)
    yield from find_dropped_rules(nesting, places)
    yield from find_bare_paths(nesting, places)
    names = [route.name for route in routes]
    yield from find_suspect_scopes(names, places)
    yield from find_unused_scopes(names, places)
    yield from find_scope_patterns(names, places)
    yield from find_claim_faults(settings, places)


def _rest(settings: Settings, places: Places) -> Iterator[Fault]:
    yield from find_suspect_issuers(settings, places)
    yield from find_vendor_mismatches(settings, places)
    yield from find_open_issuers(settings, places)
    yield from find_placeholders(places)
    yield from find_symmetric(settings.issuers, places)
    yield from find_shared_keys(settings.issuers, places)
    yield from find_long_times(settings.issuers, places)
    yield from find_short_cooldowns(settings.issuers, places)
    yield from find_ambiguous_subjects(settings, places)
    yield from find_changeable_subjects(settings, places)
    yield from find_forwarded_tokens(settings, places)
    yield from find_insecure_upstreams(settings, places)
    yield from find_loops(settings, places)
    yield from find_unreachable_calls(settings, places)
    yield from find_unreadable_calls(settings, places)
    yield from find_limits_below_workers(settings, places)
    yield from find_login_faults(settings, places)
    yield from find_useless_sessions(settings, places)
    yield from find_readable_sessions(settings, places)
    yield from find_written_secrets(places)
