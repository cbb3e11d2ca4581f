"""A draft is loaded without a file, as a gateway would load it."""

from gateway.cli.init.drafted import find_warnings, load_draft
from gateway.settings.load import Loaded, Rejected
from tests.cli.config_files import VALID


def test_a_draft_is_loaded_with_its_suite() -> None:
    loaded = load_draft(f"{VALID}suites: [access.test.yaml]\n")

    assert isinstance(loaded, Loaded)
    assert [path.name for path in loaded.settings.suites] == ["access.test.yaml"]
    assert find_warnings(loaded, 0) == ()


def test_a_draft_with_faults_has_them_and_nothing_of_the_disk_is_read() -> None:
    text = VALID.replace("discovery: true", "jwks_file: /etc/passwd")

    found = load_draft(text)

    assert isinstance(found, Rejected)
    assert [fault.code.value for fault in found.faults] == ["missing_file"]


def test_warnings_are_those_of_check() -> None:
    loaded = load_draft(VALID.replace("[orders]", "unchecked"))

    assert isinstance(loaded, Loaded)
    assert [one.code.value for one in find_warnings(loaded, 0)] == ["audience_unchecked"]
