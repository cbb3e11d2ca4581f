"""The shape of a revocation list: where it is, and how long it serves."""

from pathlib import Path

import pytest

from gateway.settings.schema.revocations import LIST_SOURCES, RevocationModel
from tests.settings.configs import assert_found, config


def one_list(text: str) -> str:
    """Return a configuration whose one list is the flow mapping *text*."""
    return config(f"revocations:\n  blocked: {text}\n")


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("wrong_type", config("revocations: ¦[]\n")),
    ("wrong_type", one_list("¦https://a/r")),
    ("bad_value", one_list('{url: ¦""}')),
    ("unknown_key", one_list('{url: "https://a/r", ¦refresh: 5s}')),
    ("bad_value", one_list('{url: "https://a/r", fresh: ¦0s}')),
    ("bad_value", one_list('{url: "https://a/r", stale: ¦soon}')),
    ("bad_value", one_list('{url: "https://a/r", fetch_timeout: ¦0s}')),
    ("bad_value", one_list('{url: "https://a/r", on_failure: ¦ignore}')),
    ("wrong_type", one_list('{url: "https://a/r", on_failure: ¦true}')),
    ("empty_list", one_list('{url: "https://a/r", issuers: ¦[]}')),
    ("wrong_type", one_list('{url: "https://a/r", issuers: ¦main}')),
    ("bad_value", config('revocations:\n  ¦a b: {url: "https://a/r"}\n')),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_a_lists_shape_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_every_source_of_a_list_is_a_key() -> None:
    assert set(LIST_SOURCES) <= set(RevocationModel.model_fields)


def test_a_list_is_refused_on_failure_unless_told_otherwise() -> None:
    model = RevocationModel.model_validate({"url": "https://a/r"})

    assert (model.fresh, model.stale, model.fetch_timeout) == (30, 300, 5)
    assert (model.on_failure, model.issuers) == ("refuse", None)
