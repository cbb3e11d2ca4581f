"""`check --resolved`: one file that means the same, and has no secret."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.check.resolved import NotOneFileError, Resolved, resolve
from gateway.settings.load import Loaded, load_settings
from gateway.suites.differences.compare import Question, compare
from tests.cli.config_files import run, write_config
from tests.settings.configs import config, outcome_of

ROOT = Path(__file__).parents[3]
NOW = Question(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
FENCE = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


VARIABLE = re.compile(r"\$\{(\w+)|_env: (\w+)")


def environ_of(text: str) -> dict[str, str]:
    """Return an environment with all variables of *text*: a port, or a key of 32 bytes."""
    names = {first or second for first, second in VARIABLE.findall(text)}
    digests = {name: hashlib.sha256(name.encode()).digest() for name in names}
    return {
        name: str(9000 + digest[0]) if name.endswith("PORT") else b64encode(digest).decode()
        for name, digest in digests.items()
    }


def committed() -> list[Path]:
    names = ("gateway.yaml", "demo.yaml", "estate/gateway.yaml", "kubernetes/gateway.yaml")
    return [ROOT / "config" / name for name in names]


def documented() -> list[str]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    texts = [text for page in pages for text in FENCE.findall(page.read_text())]
    whole = [text for text in texts if re.search("^version: 1$", text, re.MULTILINE)]
    return [text for text in whole if "\ngateway: " not in text]  # a suite


def assert_same(loaded: Loaded, directory: Path, environ: Mapping[str, str]) -> str:
    """Hold that *loaded*, resolved, has the same meaning; return the text."""
    resolved = resolve(loaded, environ)
    text = "\n".join(resolved.lines) + "\n"
    file = directory / "resolved.yaml"
    file.write_text(text)
    again = load_settings(file, {**environ, **resolved.hidden})
    assert isinstance(again, Loaded), again
    difference = compare(loaded, again, NOW, 20_000)
    # There is no included file any more that could be granted anything.
    rest = tuple(one for one in difference.changed if one.subject != "include")
    assert replace(difference, changed=rest).is_empty, rest
    assert not [value for value in hidden_values(resolved, environ) if value in text]
    assert not re.search(r"^(include|defaults):|^ *preset:", text, re.MULTILINE)
    return text


def hidden_values(resolved: Resolved, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of all variables that are called like a secret."""
    yield from resolved.hidden.values()
    for name, value in environ.items():
        if re.search("SECRET|KEY|TOKEN|PASSWORD", name):
            yield value


@pytest.mark.parametrize("path", committed(), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_committed_configuration_means_the_same(path: Path, tmp_path: Path) -> None:
    environ = environ_of(path.read_text())
    loaded = load_settings(path, environ)

    assert isinstance(loaded, Loaded), loaded
    assert_same(loaded, tmp_path, environ)


def test_each_configuration_of_the_documentation_means_the_same(tmp_path: Path) -> None:
    """Those that name files which only exist elsewhere are left out."""
    tried = 0
    for text in documented():
        environ = environ_of(text)
        outcome = outcome_of(tmp_path, text, environ)
        if isinstance(outcome, Loaded):
            assert_same(outcome, tmp_path, environ)
            tried += 1
        else:
            assert "missing_file" in {fault.code for fault in outcome.faults}

    assert tried >= 30


TEAM = """\
issuers:
  theirs: {issuer: "https://team.example", audiences: [team], secret_file: keys/held}
defaults: {require: {scopes: ["team:read"]}}
routes:
  - {name: team, match: {path_prefix: /team/}}
  - name: open
    match: {path: /team/open}
    public: true
    rewrite: {request_headers: {set: {X-Key: "${HEADER}"}}}
"""
MAIN = """\
include: [{files: teams/*.yaml, may: [issuers, environment]}]
workers: ${WORKERS:-3}
defaults: {upstream: orders, timeouts: {total: "${TOTAL:-10s}"}}
admin: {address: "127.0.0.1:${PORT}", token_file: token}
rate_limits: {all: {rate: 5/1s, key: address}}
"""
HELD = "b7f3-Zq9!kL2@xW5#vN8$mP1%tR4^yU6&hJ0"
VALUES = {"PORT": "9907", "HEADER": "hunter2-$${x}", "WORKERS": "", "PLACE": "${orders}"}


def estate(directory: Path, team: str = TEAM, main: str = MAIN) -> Loaded:
    folder = directory / "teams"
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / "held").write_text(HELD)
    (directory / "token").write_text("admin-t0ken")
    (folder / "team.yaml").write_text(team)
    outcome = outcome_of(directory, config(main), VALUES)
    assert isinstance(outcome, Loaded), outcome
    return outcome


def test_defaults_includes_and_variables_are_written_out(tmp_path: Path) -> None:
    text = assert_same(estate(tmp_path), tmp_path, VALUES)

    assert "workers: 3\n" in text
    assert 'address: "127.0.0.1:9907"' in text
    assert text.count("upstream: orders") == 3
    assert text.count("total: ") == 3
    assert f"secret_file: {tmp_path}/teams/keys/held" in text


def test_an_issuer_of_an_included_file_still_reaches_its_own_routes_only(tmp_path: Path) -> None:
    loaded = estate(tmp_path)

    assert_same(loaded, tmp_path, VALUES)

    again = load_settings(tmp_path / "resolved.yaml", VALUES)
    assert isinstance(again, Loaded)
    issuers = {one.name: one.issuers for one in again.settings.policy.routes.routes}
    assert issuers == {"orders": {"main"}, "team": None, "open": None}


def test_each_part_says_where_it_is_from(tmp_path: Path) -> None:
    text = assert_same(estate(tmp_path), tmp_path, VALUES)

    main, team = tmp_path / "gateway.yaml", tmp_path / "teams" / "team.yaml"
    assert f"# {team}:2\n" in text
    borrowed = f"timeouts, upstream from {main}:13; require.scopes from {team}:3"
    assert f"# {team}:5; {borrowed}\n" in text


def test_no_secret_is_in_it(tmp_path: Path) -> None:
    text = assert_same(estate(tmp_path), tmp_path, VALUES)

    assert '"${HEADER}"' in text
    assert not [word for word in (HELD, "hunter2", "admin-t0ken") if word in text]


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "api_key", "TOKEN", "OIDC_SECRET", "BASIC_AUTH", "CREDENTIALS"]
)
def test_a_variable_that_is_called_like_a_secret_stays(name: str, tmp_path: Path) -> None:
    claims = f'require: {{claims: {{tenant: {{equals: "${{{name}}}"}}}}}}'
    loaded = outcome_of(tmp_path, config().replace("require: {}", claims), {name: "hunter2"})
    assert isinstance(loaded, Loaded)

    text = assert_same(loaded, tmp_path, {name: "hunter2"})

    assert "hunter2" not in text
    assert f'equals: "${{{name}}}"' in text


def test_a_secret_that_is_written_in_the_file_becomes_a_variable(tmp_path: Path) -> None:
    secret = "Zm9vYmFyQmF6MTIzNDU2Nzg5MEFCQ0RFRkdISUpLTE1OT1A"
    claims = f"require: {{claims: {{hook: {{equals: {secret}}}}}}}"
    loaded = outcome_of(tmp_path, config().replace("require: {}", claims), {})
    assert isinstance(loaded, Loaded)

    text = assert_same(loaded, tmp_path, {})

    assert secret not in text
    assert 'equals: "${HIDDEN_1}"' in text
    assert "# HIDDEN_1 stands for what looks like a secret at " in text


def test_a_secret_never_takes_the_variable_of_another_value(tmp_path: Path) -> None:
    secret = "Zm9vYmFyQmF6MTIzNDU2Nzg5MEFCQ0RFRkdISUpLTE1OT1A"
    claims = (
        f'require: {{claims: {{hook: {{equals: {secret}}}, token: {{equals: "${{HIDDEN_1}}"}}}}}}'
    )
    environ = {"HIDDEN_1": "another-token"}
    loaded = outcome_of(tmp_path, config().replace("require: {}", claims), environ)
    assert isinstance(loaded, Loaded)

    assert resolve(loaded, environ).hidden == {"HIDDEN_2": secret}


def test_a_variable_in_the_query_of_a_url_stays(tmp_path: Path) -> None:
    keys = 'jwks_url: "https://login.example.com/keys?code=${CODE}"'
    text = config().replace("discovery: true", keys)
    assert keys in text
    loaded = outcome_of(tmp_path, text, {"CODE": "hunter2"})
    assert isinstance(loaded, Loaded)

    assert "hunter2" not in assert_same(loaded, tmp_path, {"CODE": "hunter2"})


def test_a_text_that_looks_like_a_variable_stays_a_text(tmp_path: Path) -> None:
    scopes = 'require: {scopes: ["$${B}", "${PLACE}"]}'
    loaded = outcome_of(tmp_path, config().replace("require: {}", scopes), VALUES)
    assert isinstance(loaded, Loaded)

    text = assert_same(loaded, tmp_path, VALUES)

    assert "$${B}" in text
    assert "$${orders}" in text


RESOURCE = """\
resources: {team: {resource: "https://api.example.com/"}}
routes:
  - {name: team, match: {path_prefix: /team/}, require: {}}
"""


def test_a_resource_for_one_file_only_cannot_be_in_one_file(tmp_path: Path) -> None:
    main = MAIN.replace("may: [issuers", "may: [resources, issuers")
    loaded = estate(tmp_path, RESOURCE, main)

    with pytest.raises(NotOneFileError, match=r"`team` .* include that file with .*for-all"):
        resolve(loaded, VALUES)


def test_what_no_file_can_hold_is_not_written(tmp_path: Path) -> None:
    levels = ", ".join(f"l{number}" for number in range(5_000))
    defaults = f"defaults: {{upstream: orders, require: {{acr: [{levels}]}}}}\n"
    routes = "".join(f"  - {{name: r{one}, match: {{path: /{one}}}}}\n" for one in range(100))
    loaded = outcome_of(tmp_path, config(defaults, routes=f"routes:\n{routes}"))
    assert isinstance(loaded, Loaded), loaded

    with pytest.raises(NotOneFileError, match="more than 500,000 values"):
        resolve(loaded, {})


def test_the_command_prints_it_and_what_it_says_besides_goes_to_stderr(tmp_path: Path) -> None:
    path = write_config(tmp_path)

    done = run("check", "--resolved", path)

    assert (done.exit_code, "version: 1" in done.stdout) == (0, True)
    assert done.stderr == f"{path}: valid\n"
    path.write_text(done.stdout)
    assert run("check", "--resolved", path).exit_code == 0


def test_a_file_with_errors_is_not_resolved(tmp_path: Path) -> None:
    done = run("check", "--resolved", write_config(tmp_path, "version: 2\n"))

    assert (done.exit_code, done.stdout) == (1, "")


def test_it_has_one_format(tmp_path: Path) -> None:
    done = run("check", "--resolved", "--format", "json", write_config(tmp_path))

    assert done.exit_code == 2
    assert "--resolved" in done.stderr
