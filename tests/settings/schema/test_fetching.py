"""The shape of `fetching`."""

from pathlib import Path

import pytest

from tests.settings.configs import assert_found, config, load

MISTAKES = [
    ("unknown_key", config('fetching: {¦proxies: "http://proxy:3128"}\n')),
    ("wrong_type", config('fetching: {proxy: ¦["http://proxy:3128"]}\n')),
    ("wrong_type", config('fetching: {proxy: "http://proxy:3128", except: ¦a.example}\n')),
    ("wrong_type", config("fetching: ¦direct\n")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place(codes: str, text: str, tmp_path: Path) -> None:
    assert_found(tmp_path, codes, text)


@pytest.mark.parametrize("text", ["", "fetching: {}\n"])
def test_by_default_there_is_no_proxy(text: str, tmp_path: Path) -> None:
    assert load(tmp_path, config(text)).issuers["main"].source.proxy is None
