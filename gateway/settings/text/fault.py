"""Faults of a configuration, and their places."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import NamedTuple


class Severity(Enum):
    """Whether a fault stops the gateway from starting."""

    ERROR = "error"
    WARNING = "warning"


class Code(StrEnum):
    """The closed list of fault codes; scripts match them, so they are a contract."""

    NOT_YAML = "not_yaml"
    TOO_LARGE = "too_large"
    YAML_SURPRISE = "yaml_surprise"
    DUPLICATE_KEY = "duplicate_key"
    UNSET_VARIABLE = "unset_variable"

    UNKNOWN_KEY = "unknown_key"
    MISSING_KEY = "missing_key"
    CONFLICTING_KEYS = "conflicting_keys"
    WRONG_TYPE = "wrong_type"
    BAD_VALUE = "bad_value"
    EMPTY_LIST = "empty_list"
    DUPLICATE_VALUE = "duplicate_value"
    NOT_SUPPORTED = "not_supported"
    NOT_GRANTED = "not_granted"

    MISSING_FILE = "missing_file"
    BAD_CERTIFICATE = "bad_certificate"
    BAD_KEY = "bad_key"
    WEAK_KEY = "weak_key"
    CERTIFICATE_CONFLICT = "certificate_conflict"
    DUPLICATE_NAME = "duplicate_name"
    UNKNOWN_REFERENCE = "unknown_reference"
    DUPLICATE_ISSUER = "duplicate_issuer"
    INSECURE_URL = "insecure_url"
    WEAK_SECRET = "weak_secret"  # noqa: S105 - the name of a fault, not a secret
    SCOPE_CYCLE = "scope_cycle"
    EXTENDS_CYCLE = "extends_cycle"
    MISSING_EXPECTATION = "missing_expectation"
    ROUTE_CONFLICT = "route_conflict"

    AUDIENCE_UNCHECKED = "audience_unchecked"
    TENANTS_UNCHECKED = "tenants_unchecked"
    NO_TENANT = "no_tenant"
    AUDIENCE_UNLISTED = "audience_unlisted"
    AUDIENCE_SHARED = "audience_shared"
    ID_TOKENS_ACCEPTED = "id_tokens_accepted"
    ADMIN_EXPOSED = "admin_exposed"
    REPORT_ONLY = "report_only"
    TRUSTS_EVERYONE = "trusts_everyone"
    UNMATCHED_INCLUDE = "unmatched_include"
    UNUSED_ISSUER = "unused_issuer"
    UNUSED_UPSTREAM = "unused_upstream"
    UNUSED_RESOURCE = "unused_resource"
    UNUSED_RATE_LIMIT = "unused_rate_limit"
    UNUSED_LOGIN = "unused_login"

    ROUTE_UNREACHABLE = "route_unreachable"
    METHOD_HIDDEN = "method_hidden"
    METHOD_UNKNOWN = "method_unknown"
    GUARD_OPENED = "guard_opened"
    GUARD_SURROUNDED = "guard_surrounded"
    GUARD_REWRITTEN = "guard_rewritten"
    RULE_DROPPED = "rule_dropped"
    BARE_PATH_LEFT = "bare_path_left"
    SCOPE_SUSPECT = "scope_suspect"
    SCOPE_UNUSED = "scope_unused"
    CLAIM_SUSPECT = "claim_suspect"
    PATTERN_MISREAD = "pattern_misread"
    PLACEHOLDER_LEFT = "placeholder_left"
    ISSUER_SUSPECT = "issuer_suspect"
    VENDOR_MISMATCH = "vendor_mismatch"
    OPEN_ISSUER = "open_issuer"
    SYMMETRIC_ALGORITHM = "symmetric_algorithm"
    SHARED_KEYS = "shared_keys"
    LONG_LEEWAY = "long_leeway"
    LONG_KEY_LIFE = "long_key_life"
    SHORT_COOLDOWN = "short_cooldown"
    SUBJECT_AMBIGUOUS = "subject_ambiguous"
    SUBJECT_CHANGEABLE = "subject_changeable"
    TOKEN_FORWARDED = "token_forwarded"  # noqa: S105 - the name of a fault, not a secret
    TOKEN_IN_QUERY = "token_in_query"  # noqa: S105 - the name of a fault, not a secret
    INSECURE_UPSTREAM = "insecure_upstream"
    UPSTREAM_IS_GATEWAY = "upstream_is_gateway"
    CALLS_UNREACHABLE = "calls_unreachable"
    CALLS_UNREADABLE = "calls_unreadable"
    LIMIT_BELOW_WORKERS = "limit_below_workers"
    CERTIFICATE_NOT_CURRENT = "certificate_not_current"
    CERTIFICATE_EXPIRES_SOON = "certificate_expires_soon"
    CERTIFICATE_MISUSED = "certificate_misused"
    CHAIN_OUT_OF_ORDER = "chain_out_of_order"
    SECRET_IN_FILE = "secret_in_file"  # noqa: S105 - the name of a fault, not a secret

    LOGOUT_UNSERVED = "logout_unserved"
    REFRESH_UNREQUESTED = "refresh_unrequested"
    SCOPE_UNREQUESTED = "scope_unrequested"
    PUBLIC_CLIENT = "public_client"
    SESSION_READABLE = "session_readable"

    UNUSABLE_KEY = "unusable_key"
    KEYS_UNAVAILABLE = "keys_unavailable"
    KEYS_UNUSABLE = "keys_unusable"
    REVOCATIONS_UNAVAILABLE = "revocations_unavailable"
    REVOCATIONS_UNUSABLE = "revocations_unusable"
    INTROSPECTION_UNUSABLE = "introspection_unusable"
    LOGIN_UNREACHABLE = "login_unreachable"
    LOGIN_UNUSABLE = "login_unusable"
    CREDENTIALS_UNREACHABLE = "credentials_unreachable"
    CREDENTIALS_UNUSABLE = "credentials_unusable"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_UNTRUSTED = "upstream_untrusted"
    UPSTREAM_UNHEALTHY = "upstream_unhealthy"

    BAD_SILENCE = "bad_silence"
    UNUSED_SILENCE = "unused_silence"


# Warnings that the author of the file can judge, and so can suppress in place.
WARNINGS = frozenset(
    {
        Code.INSECURE_URL,
        Code.AUDIENCE_UNCHECKED,
        Code.TENANTS_UNCHECKED,
        Code.NO_TENANT,
        Code.AUDIENCE_UNLISTED,
        Code.AUDIENCE_SHARED,
        Code.ID_TOKENS_ACCEPTED,
        Code.ADMIN_EXPOSED,
        Code.REPORT_ONLY,
        Code.TRUSTS_EVERYONE,
        Code.UNMATCHED_INCLUDE,
        Code.UNUSED_ISSUER,
        Code.UNUSED_UPSTREAM,
        Code.UNUSED_RESOURCE,
        Code.UNUSED_RATE_LIMIT,
        Code.UNUSED_LOGIN,
        Code.ROUTE_UNREACHABLE,
        Code.METHOD_HIDDEN,
        Code.METHOD_UNKNOWN,
        Code.GUARD_OPENED,
        Code.GUARD_SURROUNDED,
        Code.GUARD_REWRITTEN,
        Code.RULE_DROPPED,
        Code.BARE_PATH_LEFT,
        Code.SCOPE_SUSPECT,
        Code.SCOPE_UNUSED,
        Code.CLAIM_SUSPECT,
        Code.PATTERN_MISREAD,
        Code.PLACEHOLDER_LEFT,
        Code.ISSUER_SUSPECT,
        Code.VENDOR_MISMATCH,
        Code.OPEN_ISSUER,
        Code.SYMMETRIC_ALGORITHM,
        Code.SHARED_KEYS,
        Code.LONG_LEEWAY,
        Code.LONG_KEY_LIFE,
        Code.SHORT_COOLDOWN,
        Code.SUBJECT_AMBIGUOUS,
        Code.SUBJECT_CHANGEABLE,
        Code.TOKEN_FORWARDED,
        Code.INSECURE_UPSTREAM,
        Code.UPSTREAM_IS_GATEWAY,
        Code.CALLS_UNREACHABLE,
        Code.CALLS_UNREADABLE,
        Code.LIMIT_BELOW_WORKERS,
        Code.CERTIFICATE_NOT_CURRENT,
        Code.CERTIFICATE_EXPIRES_SOON,
        Code.CERTIFICATE_MISUSED,
        Code.CHAIN_OUT_OF_ORDER,
        Code.SECRET_IN_FILE,
        Code.LOGOUT_UNSERVED,
        Code.REFRESH_UNREQUESTED,
        Code.SCOPE_UNREQUESTED,
        Code.PUBLIC_CLIENT,
        Code.SESSION_READABLE,
        Code.UNUSABLE_KEY,
    }
)


class Place(NamedTuple):
    """A place in a file; lines and columns count from 1, as editors do."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One error or warning, with a message for the person who edits the file.

    *route* is the name of a route that takes what is wrong from elsewhere.
    """

    place: Place
    code: Code
    message: str
    severity: Severity = Severity.ERROR
    route: str = ""

    def __str__(self) -> str:
        place = self.place
        warning = "warning: " if self.severity is Severity.WARNING else ""
        return (
            f"{place.file}:{place.line}:{place.column}: {self.code.value}: {warning}{self.message}"
        )


def name_routes(faults: Iterable[Fault]) -> list[Fault]:
    """Return *faults*, each once: what is wrong for several routes names the first of them."""
    routes: dict[Fault, dict[str, None]] = {}
    for fault in faults:
        same = replace(fault, route="") if fault.route else fault
        routes.setdefault(same, {})[fault.route] = None
    return [_about(fault, list(names)) for fault, names in routes.items()]


def _about(fault: Fault, routes: Sequence[str]) -> Fault:
    """Return *fault* with the names of its *routes*, unless it is wrong without them."""
    first, more = routes[0], len(routes) - 1
    if "" in routes or f"`{first}`" in fault.message:
        return fault
    others = f" and {more} other route{'s' * (more > 1)}" if more else ""
    return replace(fault, message=f"{fault.message} (for `{first}`{others})")
