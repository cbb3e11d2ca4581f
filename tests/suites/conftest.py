"""One gateway to attack, for all tests that do not need another."""

import pytest

from gateway.suites.hostile.control import Control
from gateway.suites.simulation.sandbox import Sandbox
from tests.suites.hostile.sandboxes import control_of, make_sandbox


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return make_sandbox(tmp_path_factory.mktemp("world"))[0]


@pytest.fixture(scope="session")
def order(sandbox: Sandbox) -> Control:
    """Return what a route allows that asks for something of everything."""
    return control_of(sandbox, "read-order")


@pytest.fixture(scope="session")
def machine(sandbox: Sandbox) -> Control:
    """Return what is allowed to an issuer with a secret."""
    return control_of(sandbox, "machines")
