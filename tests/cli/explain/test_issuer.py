"""`gateway explain --issuer` prints what a preset stands for, as a configuration."""

import json
from pathlib import Path

import pytest
import yaml

from gateway.settings.presets.preset import Preset
from gateway.settings.presets.vendors import PRESETS
from tests.cli.config_files import VALID, run, write_config
from tests.settings.configs import ENVIRON

AUTH0 = '{preset: auth0, domain: shop.eu.auth0.com, audiences: ["https://api.example.com"]}'


def with_issuer(directory: Path, issuer: str) -> Path:
    text = VALID.split("issuers:")[0] + f"issuers:\n  main: {issuer}\nupstreams:"
    return write_config(directory, text + VALID.split("upstreams:", 1)[1])


def test_the_settings_of_a_preset_come_first(tmp_path: Path) -> None:
    path = with_issuer(tmp_path, AUTH0)

    done = run("explain", "--issuer", "main", "--config", path)

    assert (done.exit_code, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"""\
issuers:
  main:
    # from the preset, {path}:3
    issuer: https://shop.eu.auth0.com/
    discovery: true
    algorithms: [RS256]
    # written beside it
    audiences: ['https://api.example.com']
"""
    )


def test_an_issuer_without_a_preset_is_shown_as_it_is(tmp_path: Path) -> None:
    done = run("explain", "--issuer", "main", "--config", write_config(tmp_path))

    assert yaml.safe_load(done.stdout)["issuers"] == yaml.safe_load(VALID)["issuers"]
    assert "#" not in done.stdout


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_what_is_printed_means_the_same(preset: Preset, tmp_path: Path) -> None:
    keys = "".join(f", {one.name}: {one.example}" for one in preset.required)
    path = with_issuer(tmp_path, f"{{preset: {preset.name}{keys}}}")
    printed = run("explain", "--issuer", "main", "--config", path).stdout
    other = tmp_path / "other"
    other.mkdir()
    same = VALID.split("issuers:")[0] + printed + "upstreams:" + VALID.split("upstreams:", 1)[1]

    done = run("diff", path, write_config(other, same), "--fail-on", "any")

    assert (done.exit_code, done.stderr) == (0, "")


def test_another_parameter_is_another_issuer(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    path, changed = with_issuer(tmp_path, AUTH0), with_issuer(other, AUTH0.replace("eu", "us"))

    assert run("diff", path, changed, "--fail-on", "any").exit_code == 1


def test_variables_are_shown_as_written_and_secrets_are_hidden(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"keys": []}')
    key = "ghp_0123456789abcdefghijABCDEFGHIJ012345"
    issuer = f"{{preset: auth0, domain: '${{DOMAIN}}', audiences: [{key}, '$${{x}}']}}"
    path = with_issuer(tmp_path, issuer)

    done = run("explain", "--issuer", "main", "--config", path, env={"DOMAIN": "a.example.com"})

    assert "https://${DOMAIN}/" in done.stdout
    assert "a.example.com" not in done.stdout
    assert key not in done.stdout
    assert "(hidden)" in done.stdout
    assert "$${x}" in done.stdout


def test_json_has_every_member(tmp_path: Path) -> None:
    path = with_issuer(tmp_path, AUTH0)

    done = run("explain", "--issuer", "main", "--config", path, "--format", "json")

    assert json.loads(done.stdout) == {
        "issuer": "main",
        "preset": ["issuer", "discovery", "algorithms"],
        "place": f"{path}:3",
        "settings": {
            "issuer": "https://shop.eu.auth0.com/",
            "discovery": True,
            "algorithms": ["RS256"],
            "audiences": ["https://api.example.com"],
        },
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--issuer", "mian"), "the configuration has no issuer `mian`: did you mean `main`?"),
        (("--issuer", "main", "GET", "http://a/"), "give nothing about a request"),
        (("--issuer", "main", "--request-id", "x"), "give nothing about a request"),
        (("--issuer", "main", "--at", "7"), "give nothing about a request"),
    ],
)
def test_a_contradiction_is_a_usage_error(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = run("explain", *arguments, "--config", write_config(tmp_path), env=dict(ENVIRON))

    assert done.exit_code == 2
    assert message in done.stderr


def test_a_configuration_with_faults_shows_them(tmp_path: Path) -> None:
    done = run("explain", "--issuer", "main", "--config", with_issuer(tmp_path, "{preset: x}"))

    assert done.exit_code == 1
    assert "unknown_reference" in done.stderr
