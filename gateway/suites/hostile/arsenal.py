"""All attacks on a route, in their order."""

from collections.abc import Callable, Iterator, Sequence

from gateway.suites.hostile.attack import Attack, Forgery, send
from gateway.suites.hostile.by_session import attack_sessions
from gateway.suites.hostile.carriers import (
    send_elsewhere,
    send_nothing,
    send_other_schemes,
    send_twice,
)
from gateway.suites.hostile.changed_tokens import (
    change_parts,
    change_payloads,
    change_signatures,
    spell_otherwise,
)
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.h2_tricks import trick_h2
from gateway.suites.hostile.odd_tokens import (
    repeat_names,
    serialise_otherwise,
    write_odd_headers,
    write_odd_json,
)
from gateway.suites.hostile.openness import OpenRoute
from gateway.suites.hostile.path_tricks import climb_from_open, override, trick_hosts, trick_paths
from gateway.suites.hostile.second_token_attacks import attack_second_token
from gateway.suites.hostile.spoofed_headers import spoof_identity, spoof_instead
from gateway.suites.hostile.strange_keys import (
    forge_with_key_ids,
    forge_with_key_inside,
    forge_with_keys_of_others,
    forge_with_other_algorithm,
    forge_with_own_key,
)
from gateway.suites.hostile.unsigned_tokens import (
    forge_unsigned,
    forge_with_guessed_secret,
    forge_with_public_key,
    forge_without_algorithm,
)
from gateway.suites.hostile.wrong_claims import (
    forge_audiences,
    forge_issuers,
    forge_kinds,
    forge_subjects,
    forge_tenants,
    forge_times,
)
from gateway.suites.hostile.wrong_rules import (
    forge_authentications,
    forge_claims,
    forge_of_others,
    forge_revoked,
    forge_scopes,
    swap_variables,
)

_FORGERIES: Sequence[Callable[[Control], Iterator[Forgery]]] = (
    forge_unsigned,
    forge_without_algorithm,
    forge_with_public_key,
    forge_with_guessed_secret,
    forge_with_own_key,
    forge_with_key_ids,
    forge_with_key_inside,
    forge_with_keys_of_others,
    forge_with_other_algorithm,
    change_parts,
    change_signatures,
    change_payloads,
    spell_otherwise,
    write_odd_headers,
    repeat_names,
    write_odd_json,
    serialise_otherwise,
    forge_issuers,
    forge_subjects,
    forge_tenants,
    forge_times,
    forge_audiences,
    forge_kinds,
    forge_scopes,
    forge_claims,
    forge_authentications,
    forge_revoked,
    forge_of_others,
)

_REQUESTS: Sequence[Callable[[Control], Iterator[Attack]]] = (
    send_nothing,
    send_elsewhere,
    send_other_schemes,
    send_twice,
    spoof_identity,
    spoof_instead,
    swap_variables,
    trick_hosts,
    trick_h2,
    attack_sessions,
    attack_second_token,
)

_TRICKS: Sequence[Callable[[Control, Sequence[OpenRoute]], Iterator[Attack]]] = (
    trick_paths,
    climb_from_open,
    override,
)


def forge_tokens(control: Control) -> Iterator[Attack]:
    """Yield the control's request with every forged token."""
    for forge in _FORGERIES:
        yield from send(forge(control), control)


def change_requests(control: Control, more_open: Sequence[OpenRoute]) -> Iterator[Attack]:
    """Yield every other change of the control's request."""
    for change in _REQUESTS:
        yield from change(control)
    for trick in _TRICKS:
        yield from trick(control, more_open)
