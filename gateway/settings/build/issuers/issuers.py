"""Build the issuers from their settings."""

from collections.abc import Mapping, Sequence

from gateway.decision.algorithms import find_unavailable
from gateway.decision.policy import Issuer, Profile
from gateway.decision.tenants import Tenants
from gateway.decision.tokens.svid import SVID_ALGORITHMS, read_trust_domain
from gateway.settings.build.checks import judge_audiences, refuse_repeated
from gateway.settings.build.issuers.identifiers import refuse_wrong_address, refuse_wrong_identifier
from gateway.settings.build.issuers.key_sources import build_key_source, refuse_wrong_sources
from gateway.settings.build.issuers.spiffe import is_spiffe, refuse_wrong_svids
from gateway.settings.build.issuers.tenants import OwnedNames, build_tenants
from gateway.settings.build.issuers.token_rules import TokenRules, build_token_rules
from gateway.settings.build.sections import Named
from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.values.addresses import check_key_url, leaves_unprotected
from gateway.settings.values.configuration import (
    IssuerSettings,
    KeySource,
    KeyTimes,
    Proxy,
)

_ASYMMETRIC_DEFAULT = frozenset({"RS256", "ES256", "EdDSA"})
_SECRET_DEFAULT = frozenset({"HS256"})
# The tests of a claim that name its values.
_NAMING = frozenset({"equals", "in"})


def build_issuers(
    named: Sequence[Named[IssuerModel]],
    environ: Mapping[str, str],
    disk: Disk,
    faults: list[Fault],
    proxy: Proxy | None = None,
) -> dict[str, IssuerSettings]:
    """Return the valid issuers by name; *proxy* is for those that name none."""
    built: dict[str, IssuerSettings] = {}
    owned = OwnedNames()
    for one in named:
        refuse_wrong_sources(one.part, faults)
        model = one.model
        if model is None:
            continue
        tenants = build_tenants(one, model, disk, faults)
        owned.add(one, model, tenants, faults)
        refuse_wrong_svids(model, one.part, faults)
        refuse_wrong_identifier(model, one.part, faults)
        refuse_wrong_address(model, one.part, faults)
        algorithms = _algorithms(model, one.part, faults)
        source = build_key_source(one, model, algorithms, environ, disk, faults, proxy)
        rules = build_token_rules(model, one.part, faults)
        _warn(model, one.part, faults)
        if source is not None:
            built[one.name] = _build(one.name, model, algorithms, source, rules, tenants)
    return built


def _has_secret(model: IssuerModel) -> bool:
    return model.secret_env is not None or model.secret_file is not None


def _algorithms(model: IssuerModel, part: Part, faults: list[Fault]) -> frozenset[str]:
    if model.algorithms is None and is_spiffe(model.issuer):
        return SVID_ALGORITHMS
    if model.algorithms is None:
        return _SECRET_DEFAULT if _has_secret(model) else _ASYMMETRIC_DEFAULT
    refuse_repeated(model.algorithms, part.child("algorithms"), faults)
    refuse_unavailable(model.algorithms, part.child("algorithms"), faults)
    for index, name in enumerate(model.algorithms):
        item = part.child("algorithms").child(index)
        is_hmac = name.startswith("HS")
        # A list with both kinds lets a public key pass as an HMAC secret (RFC 8725 §3.1).
        if is_hmac and not _has_secret(model):
            message = f"{name} needs the key source secret_env or secret_file"
            faults.append(item.fault(Code.BAD_VALUE, message))
        elif _has_secret(model) and not is_hmac:
            message = f"{name} cannot be verified with a secret: use HS256, HS384 or HS512"
            faults.append(item.fault(Code.BAD_VALUE, message))
    return frozenset(model.algorithms)


def refuse_unavailable(
    names: Sequence[str],
    part: Part,
    faults: list[Fault],
    unavailable: frozenset[str] = find_unavailable(),
) -> None:
    """Refuse algorithms that the installed OpenSSL lacks: no token could be verified."""
    for index, name in enumerate(names):
        if name in unavailable:
            message = f"{name} needs OpenSSL 3.5 or newer: install a newer `cryptography`"
            faults.append(part.child(index).fault(Code.BAD_VALUE, message))


def _warn(model: IssuerModel, part: Part, faults: list[Fault]) -> None:
    if model.audiences == "unchecked" and not _names_clients(part):
        # RFC 8725 section 3.9: a token for another API of this issuer is accepted.
        message = "tokens that this issuer makes for other APIs are accepted too"
        faults.append(part.child("audiences").warning(Code.AUDIENCE_UNCHECKED, message))
    elif not isinstance(model.audiences, str):
        any_one = "`audiences: unchecked` accepts every token of the issuer"
        judge_audiences(model.audiences, part.child("audiences"), any_one, faults)
    if model.mode == "report":
        message = "anyone can forge a token of this issuer, and so pass every route that accepts it"
        faults.append(part.child("mode").warning(Code.REPORT_ONLY, message))
    if model.insecure:
        message = (
            "plain http: anyone on the network path can replace the keys, and so forge the tokens"
            " of this issuer"
        )
        faults.append(part.child("insecure").warning(Code.INSECURE_URL, message))
        return
    reads_metadata = bool(model.discovery or model.introspection)
    asked = {"issuer": reads_metadata, "jwks_url": True, "discovery_url": True}
    for key, is_asked in asked.items():
        url = getattr(model, key) or ""
        is_refused = is_asked and check_key_url(url) is not None
        if leaves_unprotected(url) and not is_refused:
            message = "plain http: anyone on the network path can change the response"
            faults.append(part.child(key).warning(Code.INSECURE_URL, message))


def _names_clients(part: Part) -> bool:
    """Return whether a preset leaves the audience unchecked, and says which clients may call.

    Its vendor's tokens have no audience then. A preset gives all that it adds its own place.
    """
    places = {part.document.value_place(part.child(key).path) for key in ("issuer", "audiences")}
    clients = part.child("require").child("claims").child("client_id").raw
    return len(places) == 1 and isinstance(clients, dict) and not clients.keys().isdisjoint(_NAMING)


def _build(  # noqa: PLR0913, PLR0917 - all that an issuer is made of
    name: str,
    model: IssuerModel,
    algorithms: frozenset[str],
    source: KeySource,
    rules: TokenRules,
    tenants: Tenants | None,
) -> IssuerSettings:
    audiences = None if isinstance(model.audiences, str) else frozenset(model.audiences)
    issuer = Issuer(
        name=name,
        issuer=model.issuer,
        audiences=audiences,
        algorithms=algorithms,
        profile=Profile(model.profile),
        leeway_seconds=model.leeway,
        reports=model.mode == "report",
        claims=rules.claims,
        scopes_from=rules.scopes_from,
        id_token_signals=rules.id_token_signals,
        trust_domain=read_trust_domain(model.issuer),
        introspects=model.introspection is not None,
        tenants=tenants,
        also_issued_as=() if tenants else tuple(model.also_issued_as or ()),
    )
    keys = model.keys
    times = KeyTimes(keys.fresh, keys.stale, keys.fetch_timeout, keys.unknown_kid_cooldown)
    return IssuerSettings(issuer, source, times, model.required)
