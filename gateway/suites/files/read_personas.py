"""Read the personas of a file, each with everything that it inherits."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from gateway.settings.schema.shape import check_shape
from gateway.settings.schema.types import NAME
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean
from gateway.suites.files.models import OTHERS, PersonaModel
from gateway.suites.files.suite import PersonaPart
from gateway.suites.simulation.browsers import Browser
from gateway.suites.simulation.persona import Persona

V = TypeVar("V")

Described = Mapping[str, tuple[PersonaModel, Part]]

# The parts of a token; an anonymous persona has none of them.
_OF_A_TOKEN = (
    *("issuer", "claims", "times", "without", "header", "algorithm", "attack", "revoked"),
    "session",
)
_OF_A_CLAIM = ("claims", "times", "without")


def build_personas(sections: Sequence[Part], faults: list[Fault]) -> dict[str, PersonaPart]:
    """Return the personas of all *sections* (each a mapping of names to personas) by name.

    Those with errors, and those that extend them, are left out.
    """
    described, wrong = _describe(sections, faults)
    built: dict[str, PersonaPart] = {}
    for name in described:
        for link in _chain(name, described, built, wrong, faults):
            model, part = described[link]
            parent = None if model.extends is None else built[model.extends].persona
            persona = _extend(link, model, parent)
            is_alone = model.extends is None or described[model.extends][0].anonymous
            if is_alone and not model.anonymous and not _has(part, "issuer"):
                message = f"`{link}` has no issuer: name one, or say `anonymous: true`"
                faults.append(part.key_fault(Code.MISSING_KEY, message))
            if persona.revoked and "jti" in persona.without:
                message = "`revoked` needs a `jti`, and this token has none"
                faults.append(part.key_fault(Code.CONFLICTING_KEYS, message))
            if persona.session is not None and persona.attack is not None:
                message = "a session has the token that the issuer issued: no attack reaches it"
                faults.append(part.key_fault(Code.CONFLICTING_KEYS, message))
            built[link] = PersonaPart(persona, part)
    return built


def _describe(sections: Sequence[Part], faults: list[Fault]) -> tuple[Described, set[str]]:
    """Return the personas by name, and the names of those with errors."""
    described: dict[str, tuple[PersonaModel, Part]] = {}
    wrong: set[str] = set()
    owners: dict[str, Part] = {}
    for section in sections:
        if section.raw is not None and not isinstance(section.raw, dict):
            faults.append(section.fault(Code.WRONG_TYPE, "expected a mapping of names to values"))
            continue
        for name in section.raw or ():
            part = section.child(name)
            owner = owners.setdefault(name, part)
            if owner is not part:
                faults.append(_taken(name, part, owner))
                continue
            model = check_shape(part, PersonaModel, faults)
            _refuse_name(name, part, faults)
            if model is None:
                wrong.add(name)
                continue
            _refuse_contradictions(model, part, faults)
            described[name] = model, part
    return described, wrong


def _taken(name: str, part: Part, owner: Part) -> Fault:
    place = owner.document.key_place(owner.path)
    message = f"the name `{shorten(name)}` is taken by {place.file}:{place.line}"
    return part.key_fault(Code.DUPLICATE_NAME, message)


def _refuse_name(name: str, part: Part, faults: list[Fault]) -> None:
    if not NAME.fullmatch(name):
        message = f"`{shorten(name)}` is not a valid name: use letters, digits, `.`, `_` and `-`"
        faults.append(part.key_fault(Code.BAD_VALUE, message))
    elif name == OTHERS:
        message = f"`{OTHERS}` stands for all personas that are not named: take another name"
        faults.append(part.key_fault(Code.BAD_VALUE, message))


def _has(part: Part, key: str) -> bool:
    return isinstance(part.raw, dict) and key in part.raw


def _chain(
    name: str,
    described: Described,
    built: Mapping[str, PersonaPart],
    wrong: set[str],
    faults: list[Fault],
) -> Sequence[str]:
    """Return *name* and the personas that it extends and that are not built yet, the base first.

    Return nothing if the chain is broken or circular.
    """
    chain: list[str] = []
    link: str | None = name
    while link is not None and link not in built:
        extended_by = chain[-1] if chain else name
        if link in wrong or link in chain or link not in described:
            if link not in wrong:
                at = described[extended_by][1].child("extends")
                faults.append(_nowhere(link, chain, at, described))
            wrong.update(chain)
            return ()
        chain.append(link)
        link = described[link][0].extends
    return chain[::-1]


def _nowhere(link: str, chain: Sequence[str], at: Part, described: Described) -> Fault:
    if link in described:
        circle = [*chain[chain.index(link) :], link]
        return at.fault(Code.EXTENDS_CYCLE, f"a circle: {' extends '.join(circle)}")
    message = f"no persona `{shorten(link)}`{did_you_mean(link, described)}"
    return at.fault(Code.UNKNOWN_REFERENCE, message)


def _refuse_contradictions(model: PersonaModel, part: Part, faults: list[Fault]) -> None:
    raw = part.raw if isinstance(part.raw, dict) else {}
    if model.anonymous:
        for key in (key for key in ("extends", *_OF_A_TOKEN) if key in raw):
            message = f"`{key}` and `anonymous`: an anonymous persona sends no token"
            faults.append(part.child(key).key_fault(Code.CONFLICTING_KEYS, message))
    seen: dict[str, str] = {}
    for key in _OF_A_CLAIM:
        for claim in getattr(model, key) or ():
            other = seen.setdefault(claim, key)
            if other != key:
                message = f"the claim `{shorten(claim)}` stands in `{other}` and in `{key}`"
                faults.append(part.child(key).key_fault(Code.CONFLICTING_KEYS, message))


def _extend(name: str, model: PersonaModel, parent: Persona | None) -> Persona:
    if parent is None:
        parent = Persona(name)
    without = frozenset(model.without or ())
    return Persona(
        name=name,
        issuer=model.issuer or parent.issuer,
        claims={**_except(parent.claims, without.union(model.times)), **model.claims},
        times={**_except(parent.times, without.union(model.claims)), **model.times},
        without=without | parent.without.difference(model.claims, model.times),
        header={**parent.header, **model.header},
        algorithm=model.algorithm or parent.algorithm,
        attack=model.attack or parent.attack,
        revoked=tuple(model.revoked or parent.revoked),
        session=model.session or parent.session,
        browser=parent.browser if model.browser is None else Browser(model.browser),
    )


def _except(values: Mapping[str, V], names: frozenset[str]) -> dict[str, V]:
    return {name: value for name, value in values.items() if name not in names}
