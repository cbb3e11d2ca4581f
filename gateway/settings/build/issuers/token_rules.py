"""Build what an issuer's tokens must be besides valid: rules, scopes, and no ID tokens."""

from dataclasses import dataclass

from gateway.decision.policy import (
    DEFAULT_SCOPES_FROM,
    ID_TOKEN_SIGNALS,
    ScopeSource,
)
from gateway.decision.rules.claim_names import parse_claim_name
from gateway.decision.rules.claim_tests import ClaimRule
from gateway.settings.build.checks import refuse_repeated
from gateway.settings.build.claims import build_claim_rules
from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.schema.types import SCOPE
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten


@dataclass(frozen=True, slots=True)
class TokenRules:
    """The parts of an Issuer that say what its tokens must be."""

    claims: tuple[ClaimRule, ...]
    scopes_from: tuple[ScopeSource, ...]
    id_token_signals: frozenset[str]


def build_token_rules(model: IssuerModel, part: Part, faults: list[Fault]) -> TokenRules:
    """Return the rules for every token of an issuer."""
    claims: tuple[ClaimRule, ...] = ()
    if model.require is not None:
        at = part.child("require").child("claims")
        claims = build_claim_rules(model.require.claims, at, None, faults)
    return TokenRules(
        claims,
        _scopes_from(model, part.child("scopes_from"), faults),
        _signals(model, part.child("id_token_signals"), faults),
    )


def _scopes_from(model: IssuerModel, part: Part, faults: list[Fault]) -> tuple[ScopeSource, ...]:
    found: list[ScopeSource] = []
    for index, term in enumerate(model.scopes_from or ()):
        item = part.child(index)
        claim, prefix = (term, "") if isinstance(term, str) else (term.claim, term.prefix)
        if prefix and not SCOPE.fullmatch(prefix):
            message = (
                f"`{shorten(prefix)}` cannot begin a scope: no spaces, quotes, backslashes, nor"
                " anything beyond ASCII"
            )
            faults.append(item.child("prefix").fault(Code.BAD_VALUE, message))
        at_claim = item if isinstance(term, str) else item.child("claim")
        try:
            source = ScopeSource(parse_claim_name(claim), prefix)
        except ValueError as error:
            faults.append(at_claim.fault(Code.BAD_VALUE, str(error)))
            continue
        if source in found:
            message = f"`{shorten(claim)}` is in this list already"
            faults.append(at_claim.fault(Code.DUPLICATE_VALUE, message))
        found.append(source)
    # The very constant, by which the usual case is recognised.
    return DEFAULT_SCOPES_FROM if tuple(found) in {(), DEFAULT_SCOPES_FROM} else tuple(found)


def _signals(model: IssuerModel, part: Part, faults: list[Fault]) -> frozenset[str]:
    if model.id_token_signals is None:
        return frozenset(ID_TOKEN_SIGNALS)
    refuse_repeated(model.id_token_signals, part, faults)
    ignored = [name for name in ID_TOKEN_SIGNALS if name not in model.id_token_signals]
    # With this profile, the type says what an access token is.
    if ignored and model.profile != "rfc9068":
        message = (
            f"tokens with the signs {', '.join(ignored)} are not taken for ID tokens: an ID token"
            " of this issuer may pass as an access token, where its audience does"
        )
        faults.append(part.key_warning(Code.ID_TOKENS_ACCEPTED, message))
    return frozenset(model.id_token_signals)
