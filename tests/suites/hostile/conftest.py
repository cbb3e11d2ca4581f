"""One gateway to attack, for all tests that do not need another."""

import pytest

from gateway.suites.hostile.control import Control
from gateway.suites.hostile.stage import Stage
from tests.suites.hostile.stages import control_of, make_stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return make_stage(tmp_path_factory.mktemp("world"))[0]


@pytest.fixture(scope="session")
def order(stage: Stage) -> Control:
    """Return what a route allows that asks for something of everything."""
    return control_of(stage, "read-order")


@pytest.fixture(scope="session")
def machine(stage: Stage) -> Control:
    """Return what is allowed to an issuer with a secret."""
    return control_of(stage, "machines")
