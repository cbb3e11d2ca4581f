"""Values of the environment are numbers, true and false where the schema wants them."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded, Rejected
from gateway.settings.text.fault import Fault
from tests.settings.configs import ISSUERS, config, one_route, one_upstream, outcome_of, require

ENVIRON = {
    "FOUR": "4", "MINUS": "-1", "YES": "true", "NO": "false", "HALF": "0.5", "WORD": "auto",
    "OCTAL": "010", "ON": "on", "EMPTY": "", "SECRET": "hunter2-hunter2",
}  # fmt: skip


def loaded(directory: Path, text: str) -> Loaded:
    outcome = outcome_of(directory, text, ENVIRON)
    assert isinstance(outcome, Loaded), outcome
    return outcome


def refused(directory: Path, text: str) -> tuple[Fault, ...]:
    outcome = outcome_of(directory, text, ENVIRON)
    assert isinstance(outcome, Rejected)
    return outcome.faults


@pytest.mark.parametrize(
    ("extra", "workers", "fields"),
    [
        ("workers: ${FOUR}\n", 4, 80),
        ('workers: "${FOUR}"\n', 4, 80),
        ("workers: ${UNSET:-3}\n", 3, 80),
        ("workers: ${WORD}\n", None, 80),
        ('limits: {fields: "${EMPTY:-12}"}\n', 1, 12),
    ],
)
def test_a_number_of_the_environment_is_a_number(
    extra: str, workers: int | None, fields: int, tmp_path: Path
) -> None:
    settings = loaded(tmp_path, config(extra)).settings

    assert (settings.workers, settings.limits.head_fields) == (workers, fields)


def test_true_and_false_are_those(tmp_path: Path) -> None:
    text = config('admin: ${NO}\nidentity: {forward_token: "${YES}"}\n')

    settings = loaded(tmp_path, text).settings

    assert settings.admin is None
    assert settings.policy.identity.forward_token is True


def test_a_number_within_a_test_of_a_claim_is_one(tmp_path: Path) -> None:
    """At any depth, also in groups; where any value may stand, it is text as before."""
    group = 'any: [{level: {at_least: "${FOUR}"}}, {mail: {exists: "${YES}"}}]'

    text = require(f'{{claims: {{{group}, count: {{equals: "${{FOUR}}"}}}}}}')
    rules = loaded(tmp_path, text).settings.policy.routes.routes[0].claims

    def hold(claims: dict[str, object]) -> bool:
        return all(rule.holds(claims, {}) for rule in rules)

    assert hold({"level": 4, "count": "4"})
    assert hold({"mail": "a@b.example", "count": "4"})
    assert not hold({"level": 3, "count": "4"})
    assert not hold({"level": 4, "count": 4})


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        (config("workers: ${MINUS}\n"), (11, 10), "must be at least 1"),
        (config("limits: {fields: '${WORD}'}\n"), (11, 18), "a whole number, which the value of"),
        (config("limits: {fields: '${HALF}'}\n"), (11, 18), "a whole number, which the value of"),
        (config("limits: {fields: '${OCTAL}'}\n"), (11, 18), "a whole number, which the value of"),
        (config("limits: {fields: '1${FOUR}'}\n"), (11, 18), "expected a whole number, not text"),
        (config("identity: {forward_token: '${ON}'}\n"), (11, 27), "true or false, which the"),
        (config("identity: {forward_token: '${FOUR}'}\n"), (11, 27), "true or false, which the"),
        (config("limits: {fields: '${SECRET}'}\n"), (11, 18), "value of `${SECRET}` is not"),
    ],
)
def test_another_value_is_refused_at_its_place_and_not_shown(
    text: str, place: tuple[int, int], expected: str, tmp_path: Path
) -> None:
    (fault,) = refused(tmp_path, text)

    assert (fault.place.line, fault.place.column) == place
    assert expected in fault.message
    assert "hunter2" not in fault.message


@pytest.mark.parametrize(
    "text",
    [
        one_route("    match: {path: /a}\n    public: ${YES}\n"),
        one_route("    match: {path: /a}\n    public: ${UNSET:-true}\n"),
        require('{optional: "${YES}"}'),
        require('{optional: "${UNSET:-true}"}'),
        one_route('    match: {path: /a}\n    require: {}\n    mode: "${UNSET:-enforce}"\n'),
        one_route('    match: {path: /a}\n    require: {}\n    mode: "re${UNSET:-port}"\n'),
        config(issuers=ISSUERS.replace("{issuer", '{mode: "${UNSET:-report}", issuer')),
        config(version="version: ${UNSET:-1}\n"),
    ],
)
def test_what_opens_a_route_is_seen_in_the_file(text: str, tmp_path: Path) -> None:
    (fault,) = refused(tmp_path, text)

    assert "who reads the file must see it" in fault.message


def test_a_message_is_not_searched_for_a_number_of_the_environment(tmp_path: Path) -> None:
    """It hides values of the environment, and a number is found in most of them."""
    upstream = '{servers: ["http://10.0.0.4:8000"], max_connections: "${FOUR}", connect_timeot: 4s}'

    (fault,) = refused(tmp_path, one_upstream(upstream))

    assert fault.message == "unknown key `connect_timeot`: did you mean `connect_timeout`?"


def test_a_file_of_a_team_has_typed_values_too(tmp_path: Path) -> None:
    include = "include: [{files: team.yaml, may: [upstreams, environment]}]\n"
    upstream = 'b: {servers: ["http://10.0.0.8:80"], max_connections: "${FOUR}"}'
    route = "{name: b, match: {path: /b}, upstream: b, require: {}}"
    (tmp_path / "team.yaml").write_text(f"upstreams: {{{upstream}}}\nroutes: [{route}]\n")

    settings = loaded(tmp_path, config(include)).settings

    assert settings.upstreams["b"].balancing.max_connections == 4
