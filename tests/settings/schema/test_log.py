"""The access log in a configuration: a word, or a table of where and how."""

from pathlib import Path

import pytest

from gateway.settings.schema.log import AccessLogModel, long_form
from gateway.settings.values.configuration import AccessLogFormat, AccessLogTarget
from tests.settings.configs import assert_found, config, load


@pytest.mark.parametrize("to", ["stdout", "stderr", "none"])
def test_a_word_is_where_it_goes(to: str, tmp_path: Path) -> None:
    settings = load(tmp_path, config(f"access_log: {to}\n"))

    assert settings.access_log is AccessLogTarget(to)
    assert settings.access_log_format is AccessLogFormat.JSON


@pytest.mark.parametrize(
    ("table", "target", "form"),
    [
        ("{to: stderr, format: combined}", AccessLogTarget.STDERR, AccessLogFormat.COMBINED),
        ("{format: combined}", AccessLogTarget.STDOUT, AccessLogFormat.COMBINED),
        ("{to: none}", AccessLogTarget.NONE, AccessLogFormat.JSON),
        ("{}", AccessLogTarget.STDOUT, AccessLogFormat.JSON),
    ],
)
def test_a_table_is_where_and_how(
    table: str, target: AccessLogTarget, form: AccessLogFormat, tmp_path: Path
) -> None:
    settings = load(tmp_path, config(f"access_log: {table}\n"))

    assert (settings.access_log, settings.access_log_format) == (target, form)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("wrong_type", config("access_log: ¦1\n")),
        ("bad_value", config("access_log: ¦stdin\n")),
        ("bad_value", config("access_log: {to: ¦file}\n")),
        ("bad_value", config("access_log: {format: ¦common}\n")),
        ("unknown_key", config("access_log: {¦fromat: json}\n")),
        ("wrong_type", config("access_log: ¦[stdout]\n")),
    ],
)
def test_what_it_cannot_be_is_found_at_its_place(code: str, text: str, tmp_path: Path) -> None:
    assert_found(tmp_path, code, text)


def test_the_long_form_of_a_word_has_the_defaults_of_a_table() -> None:
    assert long_form("stdout") == AccessLogModel()
    assert long_form(AccessLogModel(to="stderr")) == AccessLogModel(to="stderr", format="json")
