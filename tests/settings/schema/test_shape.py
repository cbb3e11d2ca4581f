"""The shape of a part: every wrong key and value in our words, and the rest kept."""

from pathlib import Path

import pytest

from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.schema.models import LimitsModel, UpstreamModel
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.schema.shape import check_shape
from gateway.settings.schema.types import Strict
from gateway.settings.text.fault import Code, Fault
from tests.settings.configs import assert_found, config, one_issuer, part_of, require

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("unknown_key", config("¦listn: 0.0.0.0:80\n")),
    ("unknown_key", config("limits: {¦boddy: 1MiB}\n")),
    ("unknown_key", one_issuer('{issuer: "https://a", discovery: true, audiences: [a], ¦x: 1}')),
    ("unknown_key", require("{scopes: {any: [a, {¦al: [b]}]}}")),
    ("missing_key", "¦" + config(version="")),
    ("wrong_type", config("identity: ¦[a]\n")),
    ("wrong_type", config("identity: {forward_token: ¦1}\n")),
    ("wrong_type", config("access_log: ¦1\n")),
    ("bad_value", config("access_log: ¦stdin\n")),
    ("empty_list", config("trusted_proxies: ¦[]\n")),
    ("empty_list", config("include: ¦[]\n")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_shape_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def messages(text: str, kind: type[Strict]) -> list[str]:
    faults: list[Fault] = []
    check_shape(part_of(text), kind, faults)
    return [fault.message for fault in faults]


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("servers: a", UpstreamModel, "expected a list, not text: write `servers: [a]`"),
        ("servers: 1.5", UpstreamModel, "expected a list, not a number: write `servers: [1.5]`"),
        (
            "servers: {a: b}",
            UpstreamModel,
            "expected a list, not a mapping: write `servers: [URL]`, each as text, e.g."
            " http://10.0.0.7:8000",
        ),
        ("servers: [1]", UpstreamModel, "expected text, not a number"),
        ("servers: [[]]", UpstreamModel, "expected text, not a list"),
        ("servers: ['']", UpstreamModel, "this text is empty"),
        ("servers: []", UpstreamModel, "the list is empty: leave the key out, or add an item"),
        (
            "{}",
            UpstreamModel,
            "the key `servers` is missing: write it like `servers: [http://10.0.0.7:8000]`",
        ),
        ("servers: [a]\nsever: 1", UpstreamModel, "unknown key `sever`: did you mean `servers`?"),
        ("servers: [a]\nqqq: 1", UpstreamModel, "unknown key `qqq`"),
        ("fields: x", LimitsModel, "expected a whole number, not text"),
        ("fields: 1.5", LimitsModel, "expected a whole number, not a fraction"),
        ("fields: true", LimitsModel, "expected a whole number, not true or false"),
        ("[a]", LimitsModel, "expected a mapping of keys to values, not a list"),
        ("body: 10", LimitsModel, "not a size: write it like 512B, 64KiB or 10MiB"),
    ],
)
def test_each_mistake_is_told_in_words_for_people(
    text: str, kind: type[Strict], message: str
) -> None:
    assert messages(text, kind) == [message]


def test_a_choice_names_all_that_can_be_chosen_and_the_nearest() -> None:
    text = "{issuer: a, secret_env: S, audiences: [a], algorithms: [RS265], profile: rfc9086}"

    algorithm, profile = messages(text, IssuerModel)

    assert algorithm.startswith("`RS265` is not one of RS256, RS384, ")
    assert algorithm.endswith(": did you mean `RS256`?")
    assert profile == "`rfc9086` is not one of any, rfc9068: did you mean `rfc9068`?"


def test_an_unknown_key_is_compared_with_the_keys_of_its_own_place() -> None:
    text = (
        "{name: a, upstream: u, match: {pth: /a}, require: {scopes: [{al: [b]}],"
        " claims: {c: {eqals: 1}}}}"
    )

    assert messages(text, RouteModel) == [
        "unknown key `pth`: did you mean `path`?",
        "unknown key `al`: did you mean `all`?",
        "unknown key `eqals`: did you mean `equals`?",
    ]


def test_what_is_right_is_kept_so_that_it_can_be_checked_further() -> None:
    faults: list[Fault] = []

    model = check_shape(
        part_of("servers: ['http://a']\nconnect_timeout: soon\nx: 1"), UpstreamModel, faults
    )

    assert [fault.code for fault in faults] == [Code.BAD_VALUE, Code.UNKNOWN_KEY]
    assert model is not None
    assert (model.servers, model.connect_timeout) == (["http://a"], 2.0)


def test_nothing_is_kept_where_what_is_left_is_not_whole() -> None:
    faults: list[Fault] = []

    assert check_shape(part_of("servers: 1"), UpstreamModel, faults) is None
    assert check_shape(part_of("text"), UpstreamModel, faults) is None
    assert len(faults) == 2


def test_the_part_itself_is_never_changed() -> None:
    part = part_of("servers: ['http://a']\nx: 1")

    check_shape(part, UpstreamModel, [])

    assert part.raw == {"servers": ["http://a"], "x": 1}


def test_an_unknown_key_is_shown_on_one_line_whatever_it_is() -> None:
    [message] = messages(f'servers: [a]\n"{"x" * 500}\\n": 1', UpstreamModel)

    assert len(message) < 100
    assert message.isprintable()
