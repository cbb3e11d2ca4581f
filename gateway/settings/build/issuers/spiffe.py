"""Refuse what a SPIFFE trust domain cannot be: its tokens are JWT-SVIDs, its keys in a bundle."""

from gateway.decision.tokens.svid import SVID_ALGORITHMS, read_trust_domain
from gateway.settings.schema.issuers.issuer import KEY_SOURCES, IssuerModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault

_BUNDLES = ("jwks_url", "jwks_file")


def is_spiffe(issuer: str) -> bool:
    """Return whether *issuer* is meant as a trust domain, however it is written."""
    return issuer.lower().startswith("spiffe:")


def refuse_wrong_svids(model: IssuerModel, part: Part, faults: list[Fault]) -> None:
    """Refuse what contradicts the trust domain that the issuer in *part* is, if it is one."""
    if not is_spiffe(model.issuer):
        return
    if read_trust_domain(model.issuer) is None:
        message = "not a trust domain: write it like spiffe://example.org, without a path"
        faults.append(part.child("issuer").fault(Code.BAD_VALUE, message))
    for key in KEY_SOURCES:
        if key not in _BUNDLES and part.child(key).raw is not None:
            message = f"a trust domain publishes a bundle: name it in `{'` or `'.join(_BUNDLES)}`"
            faults.append(part.child(key).key_fault(Code.CONFLICTING_KEYS, message))
    if isinstance(model.audiences, str):
        # JWT-SVID §3.2: a token of another audience must be rejected.
        message = "a JWT-SVID is for its audience alone: list yours"
        faults.append(part.child("audiences").fault(Code.BAD_VALUE, message))
    if model.profile != "any":
        message = f"a JWT-SVID is not of the profile {model.profile}: remove `profile`"
        faults.append(part.child("profile").fault(Code.CONFLICTING_KEYS, message))
    for index, name in enumerate(model.algorithms or ()):
        if name not in SVID_ALGORITHMS and not name.startswith("HS"):  # these need secret_env
            message = f"a JWT-SVID is not signed by {name}: use those of RS, ES and PS"
            faults.append(part.child("algorithms").child(index).fault(Code.BAD_VALUE, message))
