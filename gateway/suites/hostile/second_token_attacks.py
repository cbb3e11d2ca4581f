"""Attack routes that require two tokens: with one of them, with the same, with them swapped."""

from collections.abc import Iterator

from gateway.decision.reason import Reason
from gateway.suites.hostile.attack import Attack, Guard, let_through
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.compact import to_json
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.wire import Field, write_head

_MISSING = frozenset((Reason.TOKEN_MISSING,))
_REPEATED = frozenset((Reason.TOKEN_REPEATED,))
_EXPIRED = frozenset((Reason.TOKEN_EXPIRED,))
_FORGED = frozenset((Reason.KEY_UNKNOWN, Reason.SIGNATURE_INVALID))

# Whatever tells the two apart may refuse first.
_OTHERS = frozenset(
    {
        Reason.ISSUER_NOT_ACCEPTED, Reason.AUDIENCE_MISMATCH, Reason.SCOPE_MISSING,
        Reason.CLAIM_RULE_FAILED, Reason.CLAIM_MISSING, Reason.AUTHENTICATION_TOO_WEAK,
        Reason.AUTHENTICATION_TOO_OLD, Reason.TOKEN_TYPE_MISMATCH,
    }
)  # fmt: skip


def attack_second_token(control: Control) -> Iterator[Attack]:
    """Yield the control's request without its second token, or with another one."""
    draft, sources = control.second, control.route.sources
    if draft is None or sources is None or sources.second is None:
        return
    name = sources.second.name.encode("ascii")
    first, second = bearer(control.draft.sign()), bearer(draft.sign())
    old = {**draft.claims, "exp": control.sandbox.at - 86_400}
    expired = bearer(draft.key.sign(draft.header, to_json(old)))
    stranger = control.sandbox.stranger(draft.key.algorithm)
    forged = bearer(stranger.sign(draft.header, to_json(draft.claims)))
    own = control.carry(first)
    yield _attack(control, "missing", own, _MISSING)
    yield _attack(control, "the first one again", (*own, (name, first)), _REPEATED)
    yield _attack(control, "expired", (*own, (name, expired)), _EXPIRED)
    yield _attack(control, "signed with another key", (*own, (name, forged)), _FORGED)
    yield _attack(control, "twice", (*own, (name, second), (name, second)), _REPEATED)
    both = f"both in {control.field.decode('ascii')}"
    yield _attack(control, both, control.carry(first, second), _REPEATED)
    yield _attack(control, "alone", ((name, second),), _MISSING | {Reason.LOGIN_REQUIRED})
    swapped = (*control.carry(second), (name, first))
    yield _attack(control, "swapped with the first one", swapped, _OTHERS)


def _attack(
    control: Control, variant: str, fields: tuple[Field, ...], reasons: frozenset[Reason]
) -> Attack:
    request = control.without_second()
    return Attack(
        "second-token", variant, "RFC 9700 §4.10", write_head(request, *fields), reasons,
        Guard(None, ("require", "also")), let_through, request.line,
    )  # fmt: skip
