"""Write the issuer of a first configuration, by the preset of its vendor if that is known."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.cli.init.token_facts import TokenFacts
from gateway.cli.init.yaml_text import comment, flow, quote
from gateway.settings.presets.preset import Parameter
from gateway.settings.presets.recognize import Recognized, recognize

ISSUER_NAME: Final = "main"

_GUID = re.compile(r"(?:api://)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")

# The claim of a token that a parameter of a preset takes its value from.
_CLAIM_OF: Final = {"clients": "client_id", "owner_id": "repository_owner_id", "accounts": "email"}

# Claims besides `scope` and `scp` in which vendors list what a caller may do.
_SCOPE_CLAIMS: Final = ("permissions", "roles")

# What the pages of the providers say about warnings of presets.
_SILENCES: Final = {
    "authentik": "id_tokens_accepted because uid tells access tokens from ID tokens",
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is known of an issuer at *url*: a *token* of it, and *audiences* of the API.

    *guess* is the audience to write if nobody knows any.
    """

    url: str
    token: TokenFacts | None
    audiences: tuple[str, ...]
    guess: str

    @property
    def known_audiences(self) -> tuple[str, ...]:
        """Return the audiences that were named, or that the token has."""
        if self.audiences or self.token is None:
            return self.audiences
        return self.token.audiences


@dataclass(frozen=True, slots=True)
class IssuerEntry:
    """The *lines* of an issuer in YAML, and *notes* about what a person must still do."""

    lines: tuple[str, ...]
    notes: tuple[str, ...]


def make_issuer_entry(wishes: Wishes, algorithms: Collection[str]) -> IssuerEntry:
    """Return the entry of the issuer; *algorithms* are those of its keys, if they are known."""
    notes: list[str] = []
    known = recognize(wishes.url)
    if known is None:
        lines = [*_plain(wishes, algorithms, notes)]
    else:
        lines = [*_by_preset(known, wishes, notes)]
    lines += _by_token(wishes, has_preset=known is not None)
    return IssuerEntry((f"  {ISSUER_NAME}:", *lines), tuple(notes))


def _plain(wishes: Wishes, algorithms: Collection[str], notes: list[str]) -> Iterator[str]:
    yield f"    issuer: {quote(wishes.url)} # equals `iss` in its tokens"
    yield "    discovery: true # its metadata says where its keys are"
    yield from _audiences(wishes, notes)
    if algorithms:
        yield f"    algorithms: {flow(sorted(algorithms))} # those of its keys"


def _audiences(wishes: Wishes, notes: list[str]) -> Iterator[str]:
    known = wishes.known_audiences
    if known:
        yield f"    audiences: {flow(known)} # a token must be meant for this API"
        return
    note = "the audience is a guess: write what your tokens have in `aud`"
    notes.append(f"{note}, or pass --token or --audience")
    yield from comment(
        "A GUESS: write what tokens for this API have in `aud`. Until then they are refused.", 4
    )
    yield f"    audiences: {flow([wishes.guess])}"


def _by_preset(known: Recognized, wishes: Wishes, notes: list[str]) -> Iterator[str]:
    preset = known.preset
    if preset.name in _SILENCES:
        yield f"    # gateway: allow {_SILENCES[preset.name]}"
    yield from comment(
        f"The settings of {preset.vendor}: `gateway explain --issuer {ISSUER_NAME}` shows them.", 4
    )
    yield f"    preset: {preset.name}"
    for parameter in preset.parameters:
        value = known.values.get(parameter.name) or _from_token(parameter, wishes)
        if value is None or value != parameter.default:
            yield from _parameter(parameter, value, notes)
    for own in preset.own_keys:
        if own.name == "audiences":
            yield from _audiences(wishes, notes)
        else:
            notes.append(f"`{own.name}` of the issuer is an example: write {own.meaning}")
            yield f"    {own.name}: {own.example} # AN EXAMPLE"


def _parameter(parameter: Parameter, value: str | None, notes: list[str]) -> Iterator[str]:
    if value is None:
        notes.append(f"`{parameter.name}` of the issuer is an example: write {parameter.meaning}")
        yield from comment(
            f"AN EXAMPLE: write {parameter.meaning}. Until then all tokens are refused.", 4
        )
        yield f"    {parameter.name}: {parameter.example}"
        return
    text = flow([value]) if parameter.many else quote(value)
    yield f"    {parameter.name}: {text} # {parameter.meaning}"


def _from_token(parameter: Parameter, wishes: Wishes) -> str | None:
    """Return the value of *parameter* for this token or these audiences, if it is a valid one."""
    found: list[str | None] = []
    claim = _CLAIM_OF.get(parameter.name)
    if claim is not None:
        found = [None if wishes.token is None else wishes.token.text(claim)]
    elif parameter.name in {"app", "project"}:
        guids = [_GUID.fullmatch(one) for one in wishes.known_audiences]
        found = [*(one[1] for one in guids if one is not None), *wishes.known_audiences]
    usable = (one for one in found if one is not None and parameter.problem(one) is None)
    return next(usable, None)


def _by_token(wishes: Wishes, has_preset: bool) -> Iterator[str]:
    token = wishes.token
    if token is None:
        return
    if token.is_rfc9068 and not has_preset:
        yield "    profile: rfc9068 # only access tokens with all claims of RFC 9068, as yours"
    if has_preset or any(token.claims.get(name) for name in ("scope", "scp")):
        return
    lists = [name for name in _SCOPE_CLAIMS if isinstance(token.claims.get(name), list)]
    if lists:
        yield f"    scopes_from: {flow(['scope', *lists])} # claims whose items count as scopes"


def choose_algorithms(
    of_keys: Sequence[frozenset[str]], token: TokenFacts | None
) -> frozenset[str]:
    """Return an algorithm for each key: that of *token* if it fits, else the usual one.

    *of_keys* has the algorithms that each key is for.
    """
    chosen: set[str] = set()
    for algorithms in of_keys:
        if token is not None and token.algorithm in algorithms:
            chosen.add(token.algorithm)
        else:
            usual = [one for one in ("RS256", "EdDSA") if one in algorithms]
            chosen.add(usual[0] if usual else min(algorithms))
    return frozenset(chosen)
