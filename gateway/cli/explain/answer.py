"""Explain a request as a persona, with claims, or with a real token."""

import asyncio
from dataclasses import dataclass, replace

from gateway.cli.explain.caller import BY_TOKEN, Channel
from gateway.cli.explain.sources import FetchedLists, find_keys_of, find_lists_of
from gateway.decision.explaining.explanation import Explanation
from gateway.decision.explaining.steps import Check
from gateway.decision.head import NO_SESSION, SessionCredential
from gateway.decision.tokens.introspected import TokenAnswer, find_only
from gateway.decision.verdict import NeedIntrospection, NeedKeys
from gateway.http.reading.request import Request
from gateway.http.rehearsal import Rehearsal
from gateway.settings.values.configuration import IssuerSettings
from gateway.suites.samples.second_tokens import second_drafts, second_of
from gateway.suites.simulation.browsers import browser_fields
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.trial import Trial
from gateway.suites.simulation.wire import carry, read_as_sent, write_head

_SECOND = "the second token was made, too, as the rules of the route want it"
_MADE = "the token was made for this explanation, and signed with a temporary key"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The explanation of *request*; *missing* lists the keys and lists that could not be read.

    *notes* say what people should know about how it was made.
    """

    request: Request
    explanation: Explanation
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def explain_persona(
    rehearsal: Rehearsal,
    asked: SimulatedRequest,
    at: float,
    persona: Persona,
    lists: FetchedLists | None = None,
) -> Answer:
    """Explain *asked* as sent by *persona*, whose issuer is a configured one.

    Its token is on the revocation lists that the persona names, unless *lists* are given.
    """
    trial = Trial(rehearsal.settings, at, [persona])
    asked, more = _accompanied(asked, trial)
    request = read_as_sent(rehearsal, asked, trial.head_of(persona, asked))
    revocations = trial.revocations if lists is None else lists.lists
    session = trial.session_of(persona)
    keys, find_answer = trial.keys.sets, trial.find_answer
    explanation = rehearsal.explain(
        request, keys, at, revocations, session=session, find_answer=find_answer
    )
    missing = () if lists is None else lists.errors
    was_read = any(step.check is Check.FORM for step in explanation.steps)
    return Answer(request, explanation, missing, (_MADE, *more) if was_read else ())


def _accompanied(asked: SimulatedRequest, trial: Trial) -> tuple[SimulatedRequest, tuple[str, ...]]:
    """Return *asked* with the second token that its route requires, if any, and a note of it."""
    second = second_of(asked, trial.settings)
    draft = next(second_drafts(asked, trial.settings, trial.keys, trial.at), None)
    if second is None or draft is None:
        return asked, ()
    field = (second.name, bearer(draft.sign()).decode("ascii"))
    return replace(asked, headers=(*asked.headers, field)), (_SECOND,)


def explain_claims(
    rehearsal: Rehearsal, asked: SimulatedRequest, at: float, persona: Persona
) -> Answer:
    """Explain *asked* with a token of *persona*, under the revocation lists in files."""
    lists, skipped = find_lists_of(rehearsal.settings, persona.issuer or "", is_online=False)
    answer = explain_persona(rehearsal, asked, at, persona, lists)
    return Answer(answer.request, answer.explanation, answer.missing, (*answer.notes, *skipped))


def explain_token(  # noqa: PLR0913 - a request, and how it comes
    rehearsal: Rehearsal,
    asked: SimulatedRequest,
    at: float,
    token: bytes | None,
    *,
    channel: Channel = BY_TOKEN,
    is_online: bool,
    introspects: bool = False,
) -> Answer:
    """Explain *asked* with *token*, under the current keys and revocation lists.

    Read only those of its issuer, and only if they decide; from URLs only if *is_online*. An issuer
    that has to be asked about the token is asked only if *introspects*.
    """
    credentials = () if token is None else (bearer(token),)
    login, browser = channel.login, channel.browser
    session = NO_SESSION if login is None else SessionCredential(login, credentials)
    sent = credentials if login is None else ()
    logins = rehearsal.settings.logins
    own = () if browser is None else browser_fields(browser, asked, logins)
    carried = carry(sent, asked, rehearsal.settings.policy)
    request = read_as_sent(rehearsal, asked, write_head(asked, *carried, *own))
    explanation = rehearsal.explain(request, {}, at, {}, is_final=False, session=session)
    need = explanation.verdict
    if isinstance(need, NeedIntrospection):
        wanted = _Wanted(rehearsal, request, session, at)
        return _explain_asked(wanted, need, is_online=is_online, introspects=introspects)
    if not isinstance(need, NeedKeys):
        return Answer(request, explanation)
    settings = rehearsal.settings
    keys = find_keys_of(settings.issuers[need.issuer_name], is_online=is_online)
    lists, skipped = find_lists_of(settings, need.issuer_name, is_online=is_online)
    if isinstance(keys, str):
        explanation = rehearsal.explain(request, {}, at, lists.lists, session=session)
        return Answer(request, explanation, (f"keys of issuer {need.issuer_name}: {keys}",))
    known = {need.issuer_name: keys}
    explanation = rehearsal.explain(request, known, at, lists.lists, session=session)
    return Answer(request, explanation, lists.errors, skipped)


@dataclass(frozen=True, slots=True, eq=False)
class _Wanted:
    """What is explained: *request*, with the token of *session* if it has one."""

    rehearsal: Rehearsal
    request: Request
    session: SessionCredential
    at: float


def _explain_asked(
    wanted: _Wanted, need: NeedIntrospection, *, is_online: bool, introspects: bool
) -> Answer:
    """Explain a request whose token only its issuer can judge; ask it only if *introspects*."""
    rehearsal, request, name = wanted.rehearsal, wanted.request, need.issuer.name
    lists, skipped = find_lists_of(rehearsal.settings, name, is_online=is_online)
    answer, missing = None, f"issuer {name}: not asked about the token: --introspect sends it there"
    if introspects:
        answer, missing = asyncio.run(_ask(rehearsal.settings.issuers[name], need.token, wanted.at))
    explanation = rehearsal.explain(
        request,
        {},
        wanted.at,
        lists.lists,
        session=wanted.session,
        find_answer=find_only(need.token, need.issuer, answer),
    )
    return Answer(request, explanation, lists.errors if answer else (missing,), skipped)


async def _ask(settings: IssuerSettings, token: bytes, at: float) -> tuple[TokenAnswer | None, str]:
    # Imported here: an HTTP client takes longer to import than everything else takes to run.
    from gateway.cli.asked_issuer import ask_issuer  # noqa: PLC0415
    from gateway.fetching.session import make_session  # noqa: PLC0415
    from gateway.introspection.asking import NoAnswer  # noqa: PLC0415

    asked = settings.introspection
    assert asked is not None  # noqa: S101 - only such an issuer is asked
    async with make_session() as session:
        found = await ask_issuer(session, settings, asked, token)
    if isinstance(found, NoAnswer):
        return None, f"issuer {settings.issuer.name}: {found.detail}"
    return TokenAnswer(found.members if found.is_active else None, at, at), ""
