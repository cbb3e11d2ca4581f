"""Check whether a reload may accept a configuration."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.keyring.describe import describe_unfit
from gateway.keyring.keyring import Keyring
from gateway.keyring.local_source import is_local
from gateway.revocation.revocations import Revocations
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import (
    IssuerSettings,
    RevocationSettings,
    Settings,
    SourceKind,
)

# The process keeps its sockets and the descriptor of the log from its start to its end.
_FIXED: Final[Mapping[str, Callable[[Settings], object]]] = {
    # Certificates, keys and the authorities of clients may change.
    "listen": lambda settings: [(one.address, one.tls is None) for one in settings.listen],
    "admin": lambda settings: settings.admin,
    "workers": lambda settings: settings.workers,
    "access_log": lambda settings: settings.access_log,
}


def needs_restart(running: Settings, wanted: Settings) -> str | None:
    """Return the changed settings that only a restart can apply, as one line; None if none is."""
    names = [name for name, fixed in _FIXED.items() if fixed(running) != fixed(wanted)]
    if not names:
        return None
    return f"{', '.join(f'`{name}`' for name in names)} cannot change without a restart"


# --- keys and lists

_LIST: Final = "revocation list"
# Of a file that a reload reads again: its last good content stays in use.
_KEPT: Final = "cannot be read again, its last good content stays in use"


@dataclass(frozen=True, slots=True, eq=False)
class Inventory:
    """A configuration, with the keys and revocation lists that are loaded for it."""

    settings: Settings
    keyring: Keyring
    revocations: Revocations

    def has_keys(self, issuer: IssuerSettings) -> bool:
        """Return whether a key verifies tokens of this issuer, whatever its name here."""
        name = self._name_of(issuer)
        if name is None or not self.settings.issuers[name].has_keys:
            return name is not None
        return self.keyring.status_of(name).fitting_keys > 0

    def has_source(self, issuer: IssuerSettings) -> bool:
        """Return whether keys of this issuer have the same source and algorithms here."""
        name = self._name_of(issuer)
        if name is None:
            return False
        own = self.settings.issuers[name]
        return (own.source, own.issuer.algorithms) == (issuer.source, issuer.issuer.algorithms)

    def accepts(self, issuer: IssuerSettings) -> bool:
        """Return whether tokens of this issuer can be accepted: keys and lists are loaded."""
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
        """Return whether this list is loaded."""
        return name in self.revocations.lists

    def _name_of(self, issuer: IssuerSettings) -> str | None:
        # By its `iss`, the only name in a token: under another name it is the same issuer.
        found = self.settings.policy.named(issuer.issuer.issuer)
        return None if found is None else found.name


@dataclass(frozen=True, slots=True)
class Missing:
    """Keys or a revocation list that a configuration needs and that cannot be loaded.

    *keys* is the path to the setting that names the source. The reload *is_refused* if it would
    reject tokens that are accepted now, or check them against fewer lists.
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
        """Return it as a fault at its place: an error if the reload is rejected, else a warning."""
        part = places.main().child("revocations").child(self.name)
        if self.owner == "issuer":
            part = places.issuer(self.name)
        for key in self.keys:
            part = part.child(key)
        is_error = self.is_refused and not is_forced
        return (part.fault if is_error else part.warning)(self.code, str(self))


def find_missing(running: Inventory, wanted: Inventory) -> tuple[Missing, ...]:
    """Return what *wanted* lacks, except for what *running* lacks in the same way.

    *wanted* has tried to load everything that *running* does not have.
    """
    return (*_missing_keys(running, wanted), *_missing_lists(running, wanted))


def _missing_keys(running: Inventory, wanted: Inventory) -> Iterator[Missing]:
    for name, one in wanted.settings.issuers.items():
        if not one.has_keys:
            continue
        status, kind = wanted.keyring.status_of(name), one.source.kind.value
        code = Code.KEYS_UNUSABLE if is_local(one.source) else Code.KEYS_UNAVAILABLE
        if status.fitting_keys:
            if is_local(one.source) and status.last_error is not None:
                message = f"{_KEPT}: {status.last_error}; {_remedy(one)}"
                yield Missing("issuer", name, (kind,), code, message, False)
            continue
        had, is_same = running.has_keys(one), running.has_source(one)
        if not had and is_same:
            continue  # nothing is lost, and the failure is known
        is_refused = had or wanted.settings.requires_issuer(name)
        if status.loaded:
            # An unchanged source may withdraw its keys, and that must take effect at once.
            is_refused = is_refused and not is_same
            unfit = describe_unfit(wanted.keyring.keys[name].keys, one.issuer.algorithms)
            message = f"{unfit}; list the algorithms that the issuer signs with"
            code = Code.KEYS_UNUSABLE
            yield Missing("issuer", name, ("algorithms",), code, message, is_refused)
        else:
            message = f"no keys: {status.last_error or _late(wanted.settings)}; {_remedy(one)}"
            yield Missing("issuer", name, (kind,), code, message, is_refused)


def _missing_lists(running: Inventory, wanted: Inventory) -> Iterator[Missing]:
    for name, one in wanted.settings.revocations.items():
        status, keys = wanted.revocations.status_of(name), ("file" if one.is_file else "url",)
        code = Code.REVOCATIONS_UNUSABLE if one.is_file else Code.REVOCATIONS_UNAVAILABLE
        remedy = "correct the file" if one.is_file else "make it reachable, or correct `url`"
        if status.loaded:
            if one.is_file and status.last_error is not None:
                message = f"{_KEPT}: {status.last_error}; {remedy}"
                yield Missing(_LIST, name, keys, code, message, False)
            continue
        had = running.has_list(name)
        accepted = one.rule.refuses_without and any(
            running.accepts(wanted.settings.issuers[issuer]) for issuer in one.rule.issuers
        )
        is_same = _is_same_list(running.settings.revocations.get(name), one)
        if not (had or accepted) and is_same:
            continue
        message = f"no list: {status.last_error or _late(wanted.settings)}; {remedy}"
        is_refused = had or accepted or wanted.settings.requires_list(name)
        yield Missing(_LIST, name, keys, code, message, is_refused)


def _is_same_list(one: RevocationSettings | None, other: RevocationSettings) -> bool:
    return one is not None and (one.location, one.is_file, one.ca, one.proxy) == (
        other.location,
        other.is_file,
        other.ca,
        other.proxy,
    )


def _late(settings: Settings) -> str:
    return f"no complete response within {settings.reload.wait_seconds:g} s (`reload.wait`)"


def _remedy(one: IssuerSettings) -> str:
    if is_local(one.source):
        return "correct the file"
    key = "issuer" if one.source.kind is SourceKind.DISCOVERY else one.source.kind.value
    return f"make it reachable, or correct `{key}`"
