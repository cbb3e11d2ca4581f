"""Judge whether a reload may take a configuration, and remember what became of the last one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.admin.readiness import requires_issuer, requires_list
from gateway.admin.reload_report import ReloadOutcome, ReloadReport
from gateway.keyring.describe import describe_unfit
from gateway.keyring.keyring import Keyring
from gateway.keyring.local_source import is_local
from gateway.revocation.revocations import Revocations
from gateway.settings.text.fault import Code, Fault, Severity
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import (
    IssuerSettings,
    RevocationSettings,
    Settings,
    SourceKind,
)

# Sockets and the log's descriptor are the process's own, from its start to its end.
_FIXED: Final[Mapping[str, Callable[[Settings], object]]] = {
    # Certificates and keys may be others, and whose clients are let in.
    "listen": lambda settings: [(one.address, one.tls is None) for one in settings.listen],
    "admin": lambda settings: settings.admin,
    "workers": lambda settings: settings.workers,
    "access_log": lambda settings: settings.access_log,
}


def needs_restart(running: Settings, wanted: Settings) -> str | None:
    """Return which settings differ that only a restart can change, as one line, if any do."""
    names = [name for name, fixed in _FIXED.items() if fixed(running) != fixed(wanted)]
    if not names:
        return None
    return f"{', '.join(f'`{name}`' for name in names)} cannot change without a restart"


def summarize(faults: Sequence[Fault]) -> str:
    """Return the first of the errors among *faults*, and how many more there are, as one line."""
    errors = [fault for fault in faults if fault.severity is Severity.ERROR]
    return f"{errors[0]}" + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")


# --- keys and lists

_LIST: Final = "revocation list"
# Said of a file that a reload reads again. What is in use is too good to lose to it.
_KEPT: Final = "cannot be read again, and stays in use as it was"


@dataclass(frozen=True, slots=True, eq=False)
class Inventory:
    """A configuration, with the keys and revocation lists that there are for it now."""

    settings: Settings
    keyring: Keyring
    revocations: Revocations

    def has_keys(self, issuer: IssuerSettings) -> bool:
        """Return whether a key verifies tokens of this issuer, whatever it is called here."""
        name = self._name_of(issuer)
        return name is not None and self.keyring.status_of(name).fitting_keys > 0

    def has_source(self, issuer: IssuerSettings) -> bool:
        """Return whether keys of this issuer come from the same place here, for the same use."""
        name = self._name_of(issuer)
        if name is None:
            return False
        own = self.settings.issuers[name]
        return (own.source, own.issuer.algorithms) == (issuer.source, issuer.issuer.algorithms)

    def accepts(self, issuer: IssuerSettings) -> bool:
        """Return whether tokens of this issuer can be accepted: keys and lists are there."""
        name = self._name_of(issuer)
        return (
            name is not None
            and self.has_keys(issuer)
            and all(
                self.has_list(one.rule.name)
                for one in self.settings.revocations.values()
                if one.rule.refuses_without and name in one.rule.issuers
            )
        )

    def has_list(self, name: str) -> bool:
        """Return whether tokens can be compared with this list."""
        return name in self.revocations.lists

    def _name_of(self, issuer: IssuerSettings) -> str | None:
        # By its `iss`, for a token says nothing else: under another name it is the same issuer.
        found = self.settings.policy.issuers.get(issuer.issuer.issuer)
        return None if found is None else found.name


@dataclass(frozen=True, slots=True)
class Lacking:
    """Keys or a revocation list that a configuration needs and that cannot be loaded.

    *keys* lead to the setting that names the source. A reload *is_refused* for it where it would
    refuse tokens that are accepted now, or compare them with less.
    """

    owner: str
    name: str
    keys: tuple[str, ...]
    code: Code
    message: str
    is_refused: bool

    def __str__(self) -> str:
        return f"{self.owner} `{self.name}`: {self.message}"

    def locate(self, places: Places, *, is_forced: bool) -> Fault:
        """Return it as a fault at its place; one for which nothing is refused is a warning."""
        part = places.main().child("revocations").child(self.name)
        if self.owner == "issuer":
            part = places.issuer(self.name)
        for key in self.keys:
            part = part.child(key)
        is_error = self.is_refused and not is_forced
        return (part.fault if is_error else part.warning)(self.code, str(self))


def find_lacking(running: Inventory, wanted: Inventory) -> tuple[Lacking, ...]:
    """Return what *wanted* lacks, but for what *running* lacks in the same way.

    *wanted* has tried to load all that *running* does not have already.
    """
    return (*_lacking_keys(running, wanted), *_lacking_lists(running, wanted))


def _lacking_keys(running: Inventory, wanted: Inventory) -> Iterator[Lacking]:
    for name, one in wanted.settings.issuers.items():
        status, kind = wanted.keyring.status_of(name), one.source.kind.value
        code = Code.KEYS_UNUSABLE if is_local(one.source) else Code.KEYS_UNAVAILABLE
        if status.fitting_keys:
            if is_local(one.source) and status.last_error is not None:
                message = f"{_KEPT}: {status.last_error}; {_remedy(one)}"
                yield Lacking("issuer", name, (kind,), code, message, False)
            continue
        had, is_same = running.has_keys(one), running.has_source(one)
        if not had and is_same:
            continue  # nothing is lost, and what is wrong is no news
        is_refused = had or requires_issuer(wanted.settings, name)
        if status.loaded:
            # A source that is the same may withdraw its keys: that must not wait for anybody.
            is_refused = is_refused and not is_same
            unfit = describe_unfit(wanted.keyring.keys[name].keys, one.issuer.algorithms)
            message = f"{unfit}; list the algorithms that it signs with"
            code = Code.KEYS_UNUSABLE
            yield Lacking("issuer", name, ("algorithms",), code, message, is_refused)
        else:
            message = f"no keys: {status.last_error or _late(wanted.settings)}; {_remedy(one)}"
            yield Lacking("issuer", name, (kind,), code, message, is_refused)


def _lacking_lists(running: Inventory, wanted: Inventory) -> Iterator[Lacking]:
    for name, one in wanted.settings.revocations.items():
        status, keys = wanted.revocations.status_of(name), ("file" if one.is_file else "url",)
        code = Code.REVOCATIONS_UNUSABLE if one.is_file else Code.REVOCATIONS_UNAVAILABLE
        remedy = "correct the file" if one.is_file else "make it reachable, or correct `url`"
        if status.loaded:
            if one.is_file and status.last_error is not None:
                message = f"{_KEPT}: {status.last_error}; {remedy}"
                yield Lacking(_LIST, name, keys, code, message, False)
            continue
        had = running.has_list(name)
        accepted = one.rule.refuses_without and any(
            running.accepts(wanted.settings.issuers[issuer]) for issuer in one.rule.issuers
        )
        is_same = _is_same_list(running.settings.revocations.get(name), one)
        if not (had or accepted) and is_same:
            continue
        message = f"no list: {status.last_error or _late(wanted.settings)}; {remedy}"
        is_refused = had or accepted or requires_list(wanted.settings, name)
        yield Lacking(_LIST, name, keys, code, message, is_refused)


def _is_same_list(one: RevocationSettings | None, other: RevocationSettings) -> bool:
    return one is not None and (one.location, one.is_file, one.ca) == (
        other.location,
        other.is_file,
        other.ca,
    )


def _late(settings: Settings) -> str:
    return f"no complete answer within {settings.reload.wait_seconds:g} s (`reload.wait`)"


def _remedy(one: IssuerSettings) -> str:
    if is_local(one.source):
        return "correct the file"
    key = "issuer" if one.source.kind is SourceKind.DISCOVERY else one.source.kind.value
    return f"make it reachable, or correct `{key}`"


class LastAttempt:
    """The configuration tried last, what became of it, and when one was taken last.

    *digest* is of the one that the gateway began with, at *now*: seconds since the epoch.
    """

    def __init__(self, digest: str, now: float) -> None:
        self.report = ReloadReport(ReloadOutcome.APPLIED, digest)
        self.at = self.success_at = now

    def note(self, report: ReloadReport, now: float) -> None:
        """Remember the attempt that ended at *now*."""
        self.report, self.at = report, now
        if report.is_applied:
            self.success_at = now

    def status(self, live_digest: str) -> Mapping[str, object]:
        """Return what stands in ``/status``."""
        return {
            "live_hash": live_digest,
            "attempted_hash": self.report.digest,
            "last_outcome": self.report.outcome.value,
            "last_error": self.report.error,
            "last_failures": list(map(str, self.report.failures)),
            "last_attempt_at": self.at,
            "last_success_at": self.success_at,
        }
