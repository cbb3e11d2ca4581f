"""What needs an extra says which, and how to get it."""

import pytest

from gateway.settings.build.checks import refuse_without
from gateway.settings.text.fault import Fault
from tests.settings.configs import config, part_of


@pytest.mark.parametrize("package", ["no_such_package", "no_such.package", "json.no_such"])
def test_without_its_package_a_section_is_refused(package: str) -> None:
    faults: list[Fault] = []

    refuse_without(
        package, "otlp", "tracing needs", part_of(config("tracing: {}\n"), "tracing"), faults
    )

    (fault,) = faults
    assert (fault.code.value, fault.place.column) == ("not_supported", 1)
    assert fault.message == (
        'tracing needs an extra that is not installed: pip install "jwt-gateway[otlp]"'
    )


@pytest.mark.parametrize("package", ["json", "json.decoder"])
def test_with_it_nothing_is_said(package: str) -> None:
    faults: list[Fault] = []

    refuse_without(
        package, "otlp", "tracing needs", part_of(config("tracing: {}\n"), "tracing"), faults
    )

    assert faults == []
