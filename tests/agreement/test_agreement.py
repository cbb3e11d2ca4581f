"""Law 10: signature and claims agree with PyJWT and joserfc, but for what is explained."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agreement.changed import mutated, recoded
from tests.agreement.examples import EXAMPLES
from tests.agreement.generated import (
    MOMENT,
    Case,
    good,
    seal,
    signed_by,
    with_any_key,
    with_odd_claims,
    with_odd_headers,
)
from tests.agreement.grounds import GROUNDS, grounds_of
from tests.agreement.judges import JUDGES, by_pyjwt, by_pyjwt_now
from tests.agreement.odd_json import with_odd_json
from tests.agreement.shown import show
from tests.decision.policies import AUDIENCE, ISSUER

Answers = dict[str, dict[str, Any] | None]

LISTED: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "differences.yaml").read_text()
)["differences"]

# An example costs well under a millisecond, and there are many ways to be odd.
many = settings(max_examples=5 * settings().max_examples)


def judged(case: Case) -> Answers:
    return {party: judge(case.token, case.trust, MOMENT) for party, judge in JUDGES.items()}


def check_agreement(case: Case) -> None:
    """Demand one verdict and the same claims of all, or a ground of the one that refuses.

    Whoever has a ground refuses, always: what is explained as refused is never let through.
    """
    answers = judged(case)
    shown = show(case.token, case.trust, MOMENT)
    grounds = {party: grounds_of(party, shown) for party in JUDGES}
    for party, claims in answers.items():
        assert claims is None or not grounds[party], f"{party} accepts in spite of {grounds[party]}"
    ours = answers["gateway"]
    for party in ("pyjwt", "joserfc"):
        theirs = answers[party]
        if ours is None:
            assert theirs is None or grounds["gateway"], f"refused, and {party} accepts"
        elif theirs is None:
            assert grounds[party], f"accepted, and {party} refuses"
        else:  # as texts: to Python, 1, 1.0 and True are equal
            assert json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True)


@many
@given(good())
def test_a_good_token_is_believed_by_all(case: Case) -> None:
    """But where one lacks the algorithm or the key, as explained."""
    check_agreement(case)

    shown = show(case.token, case.trust, MOMENT)
    refusing = {party for party, claims in judged(case).items() if claims is None}
    assert refusing == {ground.party for ground in GROUNDS if ground.applies(shown)}


@many
@given(with_odd_claims())
def test_all_agree_on_times_audiences_and_other_claims_at_their_limits(case: Case) -> None:
    """7519.1, 7519.2, 7519.3, 7519.4."""
    check_agreement(case)


@many
@given(with_odd_headers())
def test_all_agree_on_headers_that_mean_harm_or_nothing(case: Case) -> None:
    """7515.3, 7515.4, 7515.5, 7515.6, 8725.1, 8725.10."""
    check_agreement(case)


@many
@given(with_any_key())
def test_all_agree_on_which_key_it_is(case: Case) -> None:
    """8725.2, 8725.4."""
    check_agreement(case)


@many
@given(with_odd_json())
def test_all_agree_on_json_that_parsers_differ_about(case: Case) -> None:
    """7515.2, 7519.5, 7519.6."""
    check_agreement(case)


@many
@given(recoded())
def test_all_agree_on_segments_that_are_spelt_otherwise(case: Case) -> None:
    """7515.1."""
    check_agreement(case)


@many
@given(mutated())
def test_all_agree_on_tokens_that_were_tampered_with(case: Case) -> None:
    """8725.4."""
    check_agreement(case)


def names(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(entry["party"], entry["ground"]) for entry in entries]


def test_every_ground_is_explained_once_and_has_examples() -> None:
    known = [(ground.party, ground.name) for ground in GROUNDS]

    assert sorted(names(LISTED)) == sorted(known) == sorted(EXAMPLES)
    assert all(entry.keys() == {"party", "ground", "accepted_by", "why"} for entry in LISTED)
    assert all(len(entry["why"].split()) > 10 for entry in LISTED)


@pytest.mark.parametrize("entry", LISTED, ids=lambda entry: f"{entry['party']} {entry['ground']}")
def test_a_difference_is_as_it_is_explained(entry: Mapping[str, Any]) -> None:
    """The party refuses its examples, on this ground alone, and those listed believe them."""
    party, ground, accepting = entry["party"], entry["ground"], set()

    for case in EXAMPLES[party, ground]:
        check_agreement(case)
        believing = {other for other, claims in judged(case).items() if claims is not None}
        assert believing, "a token that nobody believes shows nothing"
        assert party not in believing
        assert grounds_of(party, show(case.token, case.trust, MOMENT)) == [ground]
        accepting |= believing

    assert accepting == set(entry["accepted_by"])


# What only the gateway believes: a claim that says nothing, and keys that are tried in turn.
ALONE = {"null", "second of its name", "no name among several"}


@pytest.mark.parametrize(
    "entry",
    [entry for entry in LISTED if entry["ground"] not in ALONE],
    ids=lambda entry: f"{entry['party']} {entry['ground']}",
)
def test_the_gateway_is_never_the_only_one_to_believe(entry: Mapping[str, Any]) -> None:
    for case in EXAMPLES[entry["party"], entry["ground"]]:
        answers = judged(case)
        assert answers["gateway"] is None or len([a for a in answers.values() if a]) == 2


@many
@given(good(), st.sampled_from(["nbf", "iat", "sub", "jti"]))
def test_a_null_is_believed_alone_and_says_no_more_than_no_claim(case: Case, name: str) -> None:
    claims = dict(show(case.token, case.trust, MOMENT).claims.value)
    header = show(case.token, case.trust, MOMENT).header.value
    claims.pop(name, None)
    signer = next(
        one
        for one in case.trust.signers
        if one.algorithm == header["alg"] and (one.kid == header.get("kid"))
    )

    without = JUDGES["gateway"](seal(signer, header, claims), case.trust, MOMENT)
    with_null = JUDGES["gateway"](seal(signer, header, {**claims, name: None}), case.trust, MOMENT)

    assert without is not None
    assert with_null == {**without, name: None}


# Far enough from the limits that the clock, which goes on, does not come to one.
SECONDS_AWAY = st.sampled_from([-3_000, -100, 100, 3_000])


@many
@given(signed_by(), SECONDS_AWAY, st.none() | SECONDS_AWAY, st.none() | SECONDS_AWAY)
def test_pyjwt_asked_piece_by_piece_answers_as_decode_does(
    signed: Any, exp: int, nbf: int | None, iat: int | None
) -> None:
    trust, signer, header = signed
    now = int(time.time())
    times = {
        name: now + offset
        for name, offset in (("exp", exp), ("nbf", nbf), ("iat", iat))
        if offset is not None
    }
    token = seal(signer, header, {"iss": ISSUER, "aud": AUDIENCE, **times})

    assert by_pyjwt(token, trust, now) == by_pyjwt_now(token, trust)
