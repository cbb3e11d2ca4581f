"""A preset fills its parameters into its settings, and says what is wrong with one."""

import re

import pytest

from gateway.settings.presets.preset import OwnKey, Parameter, Preset

REGION = Parameter(
    "pool", "the ID of a pool", "eu-1_a", re.compile(r"(?P<region>[a-z]+-[0-9])_[a-z]+")
)
CLIENTS = Parameter("clients", "client IDs", "[a, b]", re.compile("[a-z]+"), many=True)
LATER = Parameter("version", "a version", "v2", re.compile(r"v[0-9]"), "v1")
PRESET = Preset(
    "pools",
    "Pools",
    """
issuer: https://<region>.example.com/<pool>/<version>
audiences: <clients>
nested: {list: [<pool>, 7], keys: {fresh: 5m}}
""",
    (REGION, CLIENTS, LATER),
    (OwnKey("leeway", "a duration", "5s"),),
)


def test_parameters_and_groups_of_their_patterns_fill_whole_texts_and_parts_of_them() -> None:
    values = {"pool": "eu-1_x", "clients": ["a", "b"], "version": "v1"}

    assert PRESET.fill(values) == {
        "issuer": "https://eu-1.example.com/eu-1_x/v1",
        "audiences": ["a", "b"],
        "nested": {"list": ["eu-1_x", 7], "keys": {"fresh": "5m"}},
    }


def test_one_text_of_a_list_is_a_list_of_one() -> None:
    filled = PRESET.fill({"pool": "eu-1_x", "clients": "a", "version": "v1"})

    assert filled["audiences"] == ["a"]


def test_two_fillings_share_nothing() -> None:
    values = {"pool": "eu-1_x", "clients": ["a"], "version": "v1"}
    first, second = PRESET.fill(values), PRESET.fill(values)

    assert isinstance(first["audiences"], list)
    first["audiences"].append("c")
    assert second["audiences"] == ["a"]
    assert values["clients"] == ["a"]


def test_what_has_a_default_need_not_be_written() -> None:
    assert [one.name for one in PRESET.required] == ["pool", "clients", "leeway"]


@pytest.mark.parametrize(
    ("parameter", "raw", "problem"),
    [
        (REGION, "eu-1_x", None),
        (REGION, "eu-1_x ", "`eu-1_x ` is not the ID of a pool, e.g. `pool: eu-1_a`"),
        (REGION, 7, "expected text: the ID of a pool, e.g. `pool: eu-1_a`"),
        (REGION, ["eu-1_x"], "expected text: the ID of a pool, e.g. `pool: eu-1_a`"),
        (CLIENTS, "a", None),
        (CLIENTS, ["a", "b"], None),
        (CLIENTS, ["a", "B"], "`B` is not client IDs, e.g. `clients: [a, b]`"),
        (CLIENTS, ["a", 1], "expected text: client IDs, e.g. `clients: [a, b]`"),
        (CLIENTS, [], "the list is empty: write e.g. `clients: [a, b]`"),
    ],
)
def test_a_wrong_value_is_refused_with_an_example(
    parameter: Parameter, raw: object, problem: str | None
) -> None:
    assert parameter.problem(raw) == problem
