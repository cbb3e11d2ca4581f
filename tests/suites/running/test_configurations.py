"""A configuration is loaded once for all suites that ask for the same."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded, Rejected, UnreadableError
from gateway.suites.running.ready import Configurations
from tests.suites.worlds import ENVIRON, ESTATE


def test_the_same_file_is_loaded_once_whatever_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(ESTATE)
    (tmp_path / "folder").mkdir()
    configurations = Configurations(ENVIRON)

    loaded = configurations.load(path, {})

    assert isinstance(loaded, Loaded)
    assert configurations.load(tmp_path / "folder" / ".." / "gateway.yaml", {}) is loaded


def test_another_environment_is_another_configuration(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(ESTATE.replace("10.0.0.7", "${HOST}"))
    configurations = Configurations(ENVIRON)

    first = configurations.load(path, {"HOST": "a.example"})
    second = configurations.load(path, {"HOST": "b.example"})

    assert isinstance(first, Loaded)
    assert isinstance(second, Loaded)
    assert first.settings.upstreams["orders"].servers[0].host == "a.example"
    assert second.settings.upstreams["orders"].servers[0].host == "b.example"
    assert isinstance(configurations.load(path, {}), Rejected)


def test_a_file_that_is_not_there_is_for_the_caller_to_say(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError):
        Configurations({}).load(tmp_path / "missing.yaml", {})
