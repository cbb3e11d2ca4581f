"""The shape of an issuer: its key sources, algorithms and times."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from gateway.decision.algorithms import ALGORITHMS
from gateway.decision.policy import Profile
from gateway.settings.schema.issuers.issuer import KEY_SOURCES, Algorithm, IssuerModel
from gateway.settings.values.configuration import SourceKind
from tests.settings.configs import assert_found, faults, one_issuer

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("bad_value", one_issuer('{issuer: "https://a", discovery: ¦false, audiences: [a]}')),
    ("empty_list", one_issuer('{issuer: "https://a", discovery: true, audiences: ¦[]}')),
    ("wrong_type", one_issuer('{issuer: "https://a", discovery: true, audiences: ¦a}')),
    (
        "bad_value",
        one_issuer('{issuer: "https://a", discovery: true, audiences: [a], algorithms: [¦none]}'),
    ),
    ("bad_value", one_issuer("{issuer: a, secret_env: SECRET, audiences: [a], leeway: ¦301s}")),
    (
        "bad_value",
        one_issuer('{issuer: "https://a", discovery: true, audiences: [a], keys: {fresh: ¦soon}}'),
    ),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_an_issuers_shape_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_what_may_be_configured_is_what_can_be_verified() -> None:
    assert set(get_args(Algorithm)) == set(ALGORITHMS)


@pytest.mark.parametrize("name", ["none", "None", "NoNe", "nOnE", "rs256", "RS257"])
def test_no_list_of_algorithms_takes_another_name(name: str) -> None:
    """8725.1."""
    with pytest.raises(ValidationError, match="algorithms"):
        IssuerModel.model_validate(
            {"issuer": "a", "discovery": True, "audiences": ["x"], "algorithms": [name]}
        )


@pytest.mark.parametrize(("leeway", "is_taken"), [("5m", True), ("301s", False), ("1h", False)])
def test_the_leeway_is_a_few_minutes_at_most(leeway: str, is_taken: bool, tmp_path: Path) -> None:
    """7519.7: more would keep expired tokens alive."""
    written = f'{{issuer: "https://a", discovery: true, audiences: [a], leeway: {leeway}}}'

    found = faults(tmp_path, one_issuer(written))

    assert [fault.code for fault in found] == ([] if is_taken else ["bad_value"])


def test_every_profile_can_be_chosen() -> None:
    choices = get_args(IssuerModel.model_fields["profile"].annotation)

    assert set(choices) == {profile.value for profile in Profile}


def test_every_key_source_is_a_key_and_has_its_kind() -> None:
    assert set(KEY_SOURCES) <= set(IssuerModel.model_fields)
    assert set(KEY_SOURCES) == {kind.value for kind in SourceKind}


def test_audiences_are_a_list_or_the_word_that_opts_out() -> None:
    listed, unchecked = (
        IssuerModel.model_validate({"issuer": "a", "secret_env": "S", "audiences": audiences})
        for audiences in (["x", "y"], "unchecked")
    )

    assert (listed.audiences, unchecked.audiences) == (["x", "y"], "unchecked")


def test_times_of_keys_may_be_given_one_by_one() -> None:
    model = IssuerModel.model_validate(
        {"issuer": "a", "discovery": True, "audiences": ["x"], "keys": {"stale": "0s"}}
    )

    keys = model.keys
    assert (keys.fresh, keys.stale, keys.fetch_timeout, keys.unknown_kid_cooldown) == (
        300,
        0,
        5,
        30,
    )
