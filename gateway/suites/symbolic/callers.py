"""Make a caller of the claims that tell two configurations apart."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.decision.algorithms import ALGORITHMS
from gateway.decision.policy import Issuer, Profile
from gateway.decision.rules.claim_names import ABSENT, find_claim, format_claim_name
from gateway.decision.tenants import PLACEHOLDER
from gateway.suites.simulation.persona import Persona, claims_of_tenant, make_claims
from gateway.suites.simulation.run_keys import cheapest
from gateway.suites.simulation.sandbox import revoked_id
from gateway.suites.symbolic.access import Witness
from gateway.suites.symbolic.formula import Formula, atoms_of
from gateway.suites.symbolic.requirements import ALGORITHM, LISTED, OF_CLIENT, TYP, Origin
from gateway.suites.symbolic.satisfy import Model

CALLER: Final = "some-caller"
COMPANION: Final = "some-workload"

_FORGED: Final = "signature"  # the attack that changes nothing else
_TYPES: Final[Mapping[object, str]] = {"jwt": "JWT", "jose": "JOSE"}
_CLIENTS: Final = ("azp", "client_id")
_IN_WORDS: Final = frozenset({"scope", "scp", "aud"})


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The usual token of a caller *name* of *origin*, whose issuer is *issuer*."""

    issuer: Issuer
    origin: Origin
    name: str
    claims: Mapping[str, object]
    typ: str
    algorithm: str

    @property
    def preferred(self) -> Mapping[str, object]:
        """Return its claims, and what formulas say besides claims."""
        return {**self.claims, TYP: self.typ, ALGORITHM: self.algorithm}

    def forged(self, model: Model) -> Witness:
        """Return the caller whose token is as *model* says, but signed by somebody else."""
        text = f"anybody who forges a token of {self.issuer.name}"
        return replace(self.changed(model), text=text, attack=_FORGED)

    def changed(self, model: Model) -> Witness:
        """Return the caller whose token is as *model* says, and as usual otherwise."""
        claims, values = dict(self.claims), dict(model.values)
        # Neither is ever missing: if it must only not be something, any other will do.
        typ, algorithm = values.pop(TYP, self.typ), values.pop(ALGORITHM, self.algorithm)
        typ = typ if isinstance(typ, str) else "other"
        if algorithm not in ALGORITHMS:
            refused = {one.operand for one in model.chosen if one.path == (ALGORITHM,)}
            algorithm = cheapest(ALGORITHMS.keys() - refused)
        words = list(self._words(values, typ, algorithm))
        of_client = values.pop(OF_CLIENT, ABSENT)
        for name in [name for name in values if name.startswith(LISTED)]:
            if values.pop(name) is True:
                values.setdefault("jti", ABSENT)
                values["jti"] = revoked_id(name.removeprefix(LISTED))
        for name, value in values.items():
            if value is ABSENT:
                claims.pop(name, None)
            else:
                claims[name] = value
        if of_client is True:
            free = [name for name in _CLIENTS if name not in values]
            claims.update((name, claims.get("aud")) for name in free[:1])
        text = ", ".join((self.issuer.name, *self._name_tenant(claims), *words))
        return Witness(
            text,
            self.issuer.issuer,
            claims,
            _TYPES.get(typ, typ),
            str(algorithm),
            is_opaque=self.origin.is_opaque,
        )

    def is_as_chosen(self, one: Witness, model: Model) -> bool:
        """Return whether the client of the token is its only audience, if and only if chosen.

        That is about several claims, whose values were chosen one by one.
        """
        audience, wanted = one.claims.get("aud"), model.values.get(OF_CLIENT) is True
        only = audience[0] if isinstance(audience, list) and len(audience) == 1 else audience
        clients = [one.claims.get(name) for name in _CLIENTS]
        return (isinstance(only, str) and only in clients) is wanted

    def _name_tenant(self, claims: dict[str, object]) -> Iterator[str]:
        """Put the tenant into ``iss`` of *claims*, and yield it for people."""
        tenants, pattern = self.issuer.tenants, self.origin.pattern
        if tenants is not None and pattern is not None:
            tenant = str(find_claim(claims, tenants.claim))
            claims["iss"] = pattern.replace(PLACEHOLDER, tenant)
            yield f"tenant {tenant}"

    def _words(self, values: Mapping[str, object], typ: str, algorithm: object) -> Iterator[str]:
        """Yield what matters about the token: what is not as usual."""
        scopes = [_as_text(values[name]) for name in ("scope", "scp") if name in values]
        granted = " ".join(one for one in scopes if one)
        if granted:
            yield f"with {granted}"
        if values.get("aud", ABSENT) != self.claims.get("aud", ABSENT) and "aud" in values:
            aud = values["aud"]
            yield "without an audience" if aud is ABSENT else f"for {_as_text(aud)}"
        own = self.issuer.tenants.claim[0] if self.issuer.tenants is not None else ""
        for name, value in values.items():
            usual = self.claims.get(name, ABSENT)
            if name in _IN_WORDS or name.startswith("\0") or value == usual or name == own:
                continue
            yield f"without {name}" if value is ABSENT else f"{name} {_as_text(value)}"
        if typ != self.typ:
            yield f"of the type {_TYPES.get(typ, typ)}"
        if algorithm != self.algorithm:
            yield f"by {algorithm}"
        if values.get(OF_CLIENT) is True:
            yield "for its own client, like an ID token"
        for name, value in values.items():
            if name.startswith(LISTED) and value is True:
                yield f"on the list {name.removeprefix(LISTED)}"


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_as_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_as_text(one)}" for name, one in value.items())
    return "" if value is ABSENT else "null" if value is None else str(value)


def make_sample(
    issuer: Issuer, other: Issuer | None, origin: Origin, name: str, at: float
) -> Sample:
    """Return the usual token of *name* at the time *at*.

    It is one of *other*, the same issuer in the other configuration, too, as far as possible.
    """
    claims = make_claims(Persona(name), issuer, at)
    both = issuer if other is None else other
    if issuer.audiences and both.audiences and issuer.audiences & both.audiences:
        claims["aud"] = min(issuer.audiences & both.audiences)
    if origin.domain is not None:
        claims.pop("iss", None)
    elif origin.iss is not None:
        tenant = None if issuer.tenants is None else issuer.tenants.tenant_in(origin.iss)
        if issuer.tenants is not None and tenant is not None:
            claims |= claims_of_tenant(issuer.tenants, tenant)
        claims["iss"] = origin.iss
    strict = Profile.RFC9068 in {issuer.profile, both.profile}
    algorithm = cheapest((issuer.algorithms & both.algorithms) or issuer.algorithms)
    return Sample(issuer, origin, name, claims, "at+jwt" if strict else "jwt", algorithm)


def keys_of(formula: Formula) -> tuple[str, ...]:
    """Return where *formula* is written in a route, as far as one of its tests says so."""
    for atom in atoms_of(formula):
        if atom.operator == "item":
            return ("require", "scopes")
        if not atom.path[0].startswith("\0"):
            return ("require", "claims", format_claim_name(atom.path))
    return ("require",)
