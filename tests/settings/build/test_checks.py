"""What needs an extra says which, and how to get it."""

from pathlib import Path

import pytest

from gateway.settings.build.checks import refuse_without
from gateway.settings.text.fault import Code, Fault
from tests.settings.configs import ISSUERS, assert_found, config, faults, part_of


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


@pytest.mark.parametrize("key", ["issuer", "route", "second token"])
def test_a_star_is_no_audience(key: str, tmp_path: Path) -> None:
    text = {
        "issuer": config().replace("[orders]", "[orders, AUD]"),
        "route": config().replace("require: {}", "require: {audiences: [AUD]}"),
        "second token": config(
            issuers=ISSUERS + "  b: {issuer: 'https://b/', discovery: true, audiences: [orders]}\n"
        ).replace(
            "require: {}",
            "require: {issuers: [main], also: {header: X-B, issuers: [b], audiences: [AUD]}}",
        ),
    }[key]

    assert_found(tmp_path, "bad_value", text.replace("AUD", "¦'*'"))
    found = faults(tmp_path, text.replace("AUD", "'https://*.example'"))
    assert Code.PATTERN_MISREAD in {fault.code for fault in found}
