"""Explain a request under the policy, the keys and the lists that the gateway has now."""

from collections.abc import Callable, Mapping
from functools import partial

from gateway.admin.question import Question
from gateway.admin.told import tell
from gateway.admin.told_json import told_as_json
from gateway.decision.explaining.steps import Owner, Step
from gateway.decision.policy import Policy
from gateway.decision.revocation import RevocationLists
from gateway.decision.verdict import NeedKeys
from gateway.fetching.thread import compute_in_thread
from gateway.http.rehearsal import Rehearsal
from gateway.keyring.keyring import Keyring
from gateway.suites.asking.minting import bearer
from gateway.suites.asking.wire import authorization, write_head


async def explain_live(
    question: Question,
    rehearsal: Rehearsal,
    keyring: Keyring,
    lists: RevocationLists,
    clock: Callable[[], float],
) -> Mapping[str, object]:
    """Return what ``POST /explain`` shows; a key that is not at hand is asked for, as ever."""
    credential = () if question.token is None else authorization(bearer(question.token))
    request = rehearsal.read(write_head(question.request, *credential))
    explanation = rehearsal.explain(request, keyring.keys, clock(), lists, is_final=False)
    if isinstance(explanation.verdict, NeedKeys):
        await keyring.refetch(explanation.verdict.issuer_name, explanation.verdict.kid)
    now = clock()
    explanation = rehearsal.explain(request, keyring.keys, now, lists)
    place_of = _place_of(rehearsal.settings.policy)
    # In a thread: with thousands of routes it takes tenths of a second to compare them all.
    compare = partial(tell, rehearsal, request, explanation, now, place_of)
    told = await compute_in_thread(compare, "explanation")
    return told_as_json(told)


def _place_of(policy: Policy) -> Callable[[Step], str | None]:
    """Return what names the places of routes; the others were forgotten with the file."""
    places = {route.name: route.place for route in policy.routes.routes}

    def place_of(step: Step) -> str | None:
        setting = step.setting
        return places[setting.name] if setting and setting.owner is Owner.ROUTE else None

    return place_of
