"""A suite is ready where it holds, its configuration does, and the one fits the other."""

from pathlib import Path

import pytest

from gateway.settings.load import UnreadableError
from gateway.suites.files.read_suite import BrokenSuite
from gateway.suites.running.ready import Configurations, ReadySuite, make_ready
from tests.suites.login_world import LOGIN_ESTATE, LOGIN_SUITE
from tests.suites.worlds import AT, ENVIRON, ESTATE, SUITE, make, make_or_not, write


def faults(suite: ReadySuite | BrokenSuite, directory: Path) -> list[str]:
    assert isinstance(suite, BrokenSuite)
    return [str(fault).replace(f"{directory}/", "") for fault in suite.faults]


def test_every_test_is_for_every_persona(tmp_path: Path) -> None:
    ready = make(tmp_path)

    assert [(test.name, persona) for test, persona in ready.cases()] == [
        ("orders of the own tenant", "alice"),
        ("orders of the own tenant", "boss"),
        ("orders of the own tenant", "nobody"),
        ("orders of another tenant", "alice"),
        ("orders of another tenant", "boss"),
        ("orders of another tenant", "nobody"),
    ]
    assert all(ready.judge(test, persona).passed for test, persona in ready.cases())


def test_the_clock_is_that_of_the_suite(tmp_path: Path) -> None:
    ready = make(tmp_path, SUITE.replace("gateway:", 'at: "2026-05-28T20:26:40Z"\ngateway:'))

    assert ready.trial.at == AT


def test_a_suite_without_tests_tests_nothing(tmp_path: Path) -> None:
    broken = make_or_not(tmp_path, SUITE.partition("tests:")[0])

    assert faults(broken, tmp_path) == ["a.test.yaml:1:1: missing_key: the suite has no `tests`"]


def test_a_suite_says_which_configuration_it_is_about(tmp_path: Path) -> None:
    broken = make_or_not(tmp_path, SUITE.replace("gateway: gateway.yaml\n", ""))

    assert faults(broken, tmp_path) == [
        "a.test.yaml:1:1: missing_key: no configuration to test: name it in `gateway`"
    ]


def test_a_configuration_that_is_not_there_is_a_fault_of_the_suite(tmp_path: Path) -> None:
    broken = make_or_not(tmp_path, SUITE.replace("gateway.yaml", "other.yaml"))

    assert faults(broken, tmp_path) == [
        "a.test.yaml:2:10: missing_file: cannot read other.yaml: no such file or directory"
    ]


def test_the_faults_of_the_configuration_are_told_with_their_places(tmp_path: Path) -> None:
    broken = make_or_not(tmp_path, gateway=ESTATE + "listn: a:1\n")

    assert faults(broken, tmp_path) == [
        "gateway.yaml:23:1: unknown_key: unknown key `listn`: did you mean `listen`?"
    ]


def test_another_configuration_can_take_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, SUITE.replace("gateway.yaml", "missing.yaml"))

    ready = make_ready(path, tmp_path / "gateway.yaml", {}, Configurations(ENVIRON))

    assert isinstance(ready, ReadySuite)
    with pytest.raises(UnreadableError):
        make_ready(path, tmp_path / "nowhere.yaml", {}, Configurations(ENVIRON))


def test_a_suite_sets_the_variables_that_its_configuration_names(tmp_path: Path) -> None:
    path = write(tmp_path, SUITE + "environment: {CI_SECRET: a-secret-that-is-none-and-is-long}\n")

    ready = make_ready(path, None, {}, Configurations({}))

    assert isinstance(ready, ReadySuite), ready


def test_personas_by_session_are_decided_as_the_data_port_would(tmp_path: Path) -> None:
    ready = make(tmp_path, LOGIN_SUITE, LOGIN_ESTATE)

    outcomes = [ready.judge(test, persona) for test, persona in ready.cases()]

    assert [
        (one.test.name, one.persona, one.differences) for one in outcomes if not one.passed
    ] == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "session: web",
            "session: wbe",
            "unknown_reference: no login `wbe` in the configuration: did you mean `web`?",
        ),
        (
            "session: web",
            "session: staff",
            "conflicting_keys: a session of `staff` has a token of the issuer `partner`, and this"
            " persona has one of `main`",
        ),
    ],
)
def test_a_session_is_of_a_login_and_has_a_token_of_its_issuer(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    found = faults(make_or_not(tmp_path, LOGIN_SUITE.replace(old, new), LOGIN_ESTATE), tmp_path)

    assert found[0].endswith(message)
