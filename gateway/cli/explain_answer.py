"""Explain a request: as a persona, with claims, or with a real token."""

import asyncio
from dataclasses import dataclass

from gateway.cli.fetched_lists import FetchedLists, find_lists
from gateway.decision.explaining.explanation import Explanation
from gateway.decision.explaining.steps import Check
from gateway.decision.keys import KeySet
from gateway.decision.revocation import RevocationList
from gateway.decision.verdict import NeedKeys
from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.http.reading.request import Request
from gateway.http.rehearsal import Rehearsal
from gateway.keyring.local_source import is_local, read_local_keys
from gateway.settings.values.configuration import IssuerSettings, Settings
from gateway.suites.asking.minting import bearer
from gateway.suites.asking.persona import Persona
from gateway.suites.asking.request import AskedRequest
from gateway.suites.asking.trial import Trial
from gateway.suites.asking.wire import authorization, write_head

_MADE = "the token was made for this explanation, and signed with a key of its own"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What becomes of *request*; *missing* says what could not be had for it.

    *notes* say what people should know of how it was found.
    """

    request: Request
    explanation: Explanation
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def explain_persona(
    rehearsal: Rehearsal,
    asked: AskedRequest,
    at: float,
    persona: Persona,
    lists: FetchedLists | None = None,
) -> Answer:
    """Return what becomes of *asked* when *persona* sends it; its issuer is a configured one.

    Its token is on those revocation lists that it is said to be on, or on *lists*.
    """
    trial = Trial(rehearsal.settings, at, [persona])
    request = rehearsal.read(write_head(asked, *authorization(*trial.credentials_of(persona))))
    revocations = trial.revocations if lists is None else lists.lists
    explanation = rehearsal.explain(request, trial.keys.sets, at, revocations)
    missing = () if lists is None else lists.errors
    was_read = any(step.check is Check.FORM for step in explanation.steps)
    return Answer(request, explanation, missing, (_MADE,) if was_read else ())


def explain_claims(
    rehearsal: Rehearsal, asked: AskedRequest, at: float, persona: Persona
) -> Answer:
    """Return what becomes of *asked* with a token of *persona*, under the lists in files."""
    lists, skipped = _find_lists(rehearsal.settings, persona.issuer or "", is_online=False)
    answer = explain_persona(rehearsal, asked, at, persona, lists)
    return Answer(answer.request, answer.explanation, answer.missing, (*answer.notes, *skipped))


def explain_token(
    rehearsal: Rehearsal, asked: AskedRequest, at: float, token: bytes | None, *, is_online: bool
) -> Answer:
    """Return what becomes of *asked* with *token*, under the keys and lists that there are now.

    Only those of its issuer are read, and only where they decide; from URLs only if
    *is_online*.
    """
    credential = () if token is None else authorization(bearer(token))
    request = rehearsal.read(write_head(asked, *credential))
    explanation = rehearsal.explain(request, {}, at, {}, is_final=False)
    need = explanation.verdict
    if not isinstance(need, NeedKeys):
        return Answer(request, explanation)
    settings = rehearsal.settings
    keys = _find_keys(settings.issuers[need.issuer_name], is_online)
    lists, skipped = _find_lists(settings, need.issuer_name, is_online)
    if isinstance(keys, str):
        explanation = rehearsal.explain(request, {}, at, lists.lists)
        return Answer(request, explanation, (f"keys of issuer {need.issuer_name}: {keys}",))
    explanation = rehearsal.explain(request, {need.issuer_name: keys}, at, lists.lists)
    return Answer(request, explanation, lists.errors, skipped)


def _find_keys(settings: IssuerSettings, is_online: bool) -> KeySet | str:
    """Return the keys of an issuer as they are now, or why there are none."""
    if is_local(settings.source):
        try:
            parsed = asyncio.run(read_local_keys(Files(), settings))
        except FetchFailed as failure:
            return str(failure)
    elif is_online:
        # Only here, for what speaks HTTP takes longer to import than all the rest.
        from gateway.cli.fetched_keys import find_keys  # noqa: PLC0415

        (finding,) = asyncio.run(find_keys([settings]))
        if finding.error is not None:
            return finding.error
        parsed = finding.parsed
    else:
        return "they are behind a URL, and nothing is fetched with --offline"
    return KeySet(parsed.keys) if parsed.keys else "no usable key in the set"


def _find_lists(
    settings: Settings, issuer_name: str, is_online: bool
) -> tuple[FetchedLists, tuple[str, ...]]:
    """Return the lists that speak of an issuer's tokens, and a note for each that was not asked.

    Such a list revokes nobody.
    """
    rules = settings.policy.revocations.get(issuer_name, ())
    wanted = [settings.revocations[rule.name] for rule in rules]
    asked = [one for one in wanted if one.is_file or is_online]
    skipped = [one.rule.name for one in wanted if one not in asked]
    found = asyncio.run(find_lists(asked))
    lists = {**dict.fromkeys(skipped, RevocationList([])), **found.lists}
    notes = tuple(f"the revocation list {name} is behind a URL: not asked" for name in skipped)
    return FetchedLists(lists, found.errors), notes
