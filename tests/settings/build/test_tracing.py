"""Where spans go: a collector's URL, and a key for it that nobody sees."""

import sys
from pathlib import Path
from subprocess import run

import pytest

from gateway.settings.build.tracing import build_tracing
from gateway.settings.load import Loaded
from gateway.settings.schema.tracing import TracingModel
from gateway.settings.text.fault import Fault
from gateway.settings.values.configuration import Tracing
from tests.settings.configs import (
    ENVIRON,
    assert_found,
    config,
    load,
    outcome_of,
    outside,
    part_of,
)
from tests.settings.schema.test_tracing import URL, traced

MISTAKES = [
    ("bad_value", traced("{otlp: ¦127.0.0.1:4318}")),
    ("bad_value", traced('{otlp: ¦"http://127.0.0.1:4318"}')),
    ("bad_value", traced('{otlp: ¦"http://127.0.0.1:4318/"}')),
    ("bad_value", traced('{otlp: ¦"ftp://127.0.0.1/v1/traces"}')),
    ("bad_value", traced('{otlp: ¦"http://user:word@127.0.0.1/v1/traces"}')),
    ("unset_variable", traced(f'{{otlp: "{URL}", headers_env: ¦NOT_SET}}')),
    ("bad_value", traced(f'{{otlp: "{URL}", headers_env: ¦TOKEN}}')),
    ("bad_value", traced(f'{{otlp: "{URL}", headers_env: ¦PEM}}')),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_a_collector_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_without_the_section_there_is_no_tracing(tmp_path: Path) -> None:
    assert load(tmp_path, config()).tracing is None


def test_little_needs_to_be_said(tmp_path: Path) -> None:
    settings = load(tmp_path, traced(f'{{otlp: "{URL}"}}'))

    assert settings.tracing == Tracing(URL, 0.01, 100, "jwt-gateway", ())


def with_headers(directory: Path, headers: str, url: str = URL) -> Loaded | list[str]:
    """Return the outcome where the environment has *headers*, or what was said of it."""
    text = traced(f'{{otlp: "{url}", headers_env: HEADERS}}')
    outcome = outcome_of(directory, text, {**ENVIRON, "HEADERS": headers})
    return outcome if isinstance(outcome, Loaded) else [str(fault) for fault in outcome.faults]


def test_fields_for_the_collector_are_written_as_its_own_exporters_read_them(
    tmp_path: Path,
) -> None:
    outcome = with_headers(tmp_path, "api-key=ab%20c=, x-scope = team a")

    assert isinstance(outcome, Loaded)
    assert outcome.settings.tracing is not None
    assert outcome.settings.tracing.headers == (("api-key", "ab c="), ("x-scope", "team a"))


@pytest.mark.parametrize(
    "headers", ["hush", "api-key=", "=hush", "a b=hush", "a=hush%0d%0ab: c", "a=hush,", "a=h\xfcsh"]
)
def test_what_are_no_fields_is_said_without_a_part_of_them(headers: str, tmp_path: Path) -> None:
    """They may hold a key."""
    said = with_headers(tmp_path, headers)

    assert isinstance(said, list)
    assert len(said) == 1
    assert "bad_value: what is there is not of the form name=value" in said[0]
    assert "hush" not in said[0]


def test_a_key_that_everybody_on_the_way_can_read_is_a_warning(tmp_path: Path) -> None:
    far = with_headers(tmp_path, "api-key=a", "http://collector.example:4318/v1/traces")
    near = with_headers(tmp_path, "api-key=a")

    assert isinstance(far, Loaded)
    assert isinstance(near, Loaded)
    assert [fault.code for fault in far.warnings] == ["insecure_url"]
    assert far.settings.tracing is not None
    assert near.warnings == ()


def test_a_key_for_the_collector_is_not_shown(tmp_path: Path) -> None:
    outcome = with_headers(tmp_path, "api-key=hush")

    assert isinstance(outcome, Loaded)
    assert "hush" not in repr(outcome.settings.tracing)


def test_without_the_extra_the_section_is_an_error_that_says_what_to_do() -> None:
    part = part_of(traced(f'{{otlp: "{URL}"}}'), "tracing")
    faults: list[Fault] = []

    built = build_tracing(TracingModel(otlp=URL), part, outside({}), faults, "no_such.package")

    assert built is None
    (fault,) = faults
    assert (fault.code, fault.place.line, fault.place.column) == ("not_supported", 11, 1)
    assert 'pip install "jwt-gateway[otlp]"' in fault.message


def test_a_gateway_that_does_no_tracing_does_not_need_the_extra(tmp_path: Path) -> None:
    """Nor does it load it: the same interpreter, in which it cannot be found."""
    (tmp_path / "plain.yaml").write_text(config())
    (tmp_path / "traced.yaml").write_text(traced(f'{{otlp: "{URL}"}}'))
    source = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from gateway.__main__ import main\n"
        "sys.argv = ['gateway', 'check', sys.argv[1]]; main()\n"
    )

    plain, with_tracing = (
        run(
            [sys.executable, "-c", source, str(tmp_path / name)],
            capture_output=True, text=True, check=False, timeout=60,
        )
        for name in ("plain.yaml", "traced.yaml")
    )  # fmt: skip

    assert plain.returncode == 0, plain.stderr + plain.stdout
    assert with_tracing.returncode == 1
    assert "traced.yaml:11:1: not_supported: " in with_tracing.stdout + with_tracing.stderr
