"""`docs/providers/`: configurations hold, tokens fare as said, and suites pass as shown."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from gateway.decision.reason import Reason
from gateway.settings.presets.vendors import PRESETS
from tests.certificates import AUTHORITY
from tests.cli.config_files import run_in
from tests.project.console import Fence, fence_of, find_fences, find_steps
from tests.project.test_docs import rows, sections
from tests.settings.configs import config, load

FOLDER = Path(__file__).parents[2] / "docs" / "providers"
INDEX = (FOLDER / "index.md").read_text()
PAGES = {path.stem: path for path in sorted(FOLDER.glob("*.md")) if path.stem != "index"}
REQUEST = "GET https://api.example.com/orders/7"
REASONS = {reason.code for reason in Reason}
ENVIRON = {
    "SUPABASE_JWT_SECRET": "of-the-project: 8f3Kq1Zw7Rt5Yp2Lx9Vb4Nm6",
    "INTROSPECTION_SECRET": "of the gateway",
}
# What every persona's token has, unless it is said to lack it.
DEFAULT_CLAIMS = ("iss", "aud", "sub", "client_id", "jti", "iat", "exp")


def fences(name: str) -> list[Fence]:
    return find_fences(PAGES[name].read_text())


def one(name: str, tag: str) -> str:
    (found,) = (fence.body for fence in fences(name) if fence.tag == tag)
    return found


class Shown(NamedTuple):
    """A token that a page shows: its *claims*, its *issuer* by name, and what is *expected*."""

    claims: dict[str, Any]
    issuer: str
    expected: str


def tokens(name: str) -> list[Shown]:
    """Return the tokens that a page shows."""
    found = []
    for fence in fences(name):
        if fence.language == "json":
            issuer, colon, expected = fence.tag.rpartition(": ")
            found.append(Shown(json.loads(fence.body), issuer if colon else "main", expected))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with what configurations on the pages name."""
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.cert_pem.bytes())
    (tmp_path / "tenants.txt").write_text("c0ffee00-86f1-41af-91ab-2d7cd011db47  # Contoso\n")
    return tmp_path


def write(folder: Path, name: str) -> None:
    for tag in ("gateway.yaml", "access.test.yaml"):
        (folder / tag).write_text(one(name, tag))


@pytest.mark.parametrize("name", PAGES)
def test_the_configuration_holds_without_a_doubt(name: str, folder: Path) -> None:
    write(folder, name)

    done = run_in(folder, "check", "gateway.yaml", "--strict")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", PAGES)
def test_every_other_way_to_write_the_issuer_holds(name: str, folder: Path) -> None:
    """Warnings are the reader's to weigh: plain http, secrets."""
    whole = one(name, "gateway.yaml")
    for fence in fences(name):
        if not fence.body.startswith("issuers:\n"):
            continue
        before, _, rest = whole.partition("issuers:\n")
        _, _, after = rest.partition("\nupstreams:\n")
        (folder / "gateway.yaml").write_text(f"{before}{fence.body}\nupstreams:\n{after}")

        done = run_in(folder, "check", "gateway.yaml", env=ENVIRON)

        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PAGES)
def test_the_suite_passes_as_it_is_shown(name: str, folder: Path) -> None:
    write(folder, name)
    (console,) = (fence.body for fence in fences(name) if fence.language == "console")
    (step,) = find_steps(console)

    done = run_in(folder, *step.command.split()[1:])

    assert done.stdout.strip() == step.output.strip()
    assert done.returncode == 0


# Those whose issuers leave out a usual check, or replace it by one of their own.
ATTACKED = ["authentik", "cognito", "dex", "entra", "entra-multitenant", "spiffe"]


@pytest.mark.parametrize("name", ATTACKED)
def test_no_attack_gets_through(name: str, folder: Path) -> None:
    write(folder, name)

    done = run_in(folder, "test", "access.test.yaml", "--hostile")

    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("name", PAGES)
def test_every_token_on_the_page_fares_as_it_says(name: str, folder: Path) -> None:
    """A token has the claims of the page, and no others."""
    write(folder, name)
    shown = tokens(name)
    personas = {
        f"token-{number}": {
            "issuer": token.issuer,
            "claims": token.claims,
            "without": [claim for claim in DEFAULT_CLAIMS if claim not in token.claims] or ["none"],
        }
        for number, token in enumerate(shown)
    }
    expected = {f"token-{number}": token.expected for number, token in enumerate(shown)}
    test = {"name": "tokens", "request": REQUEST, "expect": expected}
    suite = {
        "version": 1,
        "gateway": "gateway.yaml",
        "at": "2026-06-01T12:00:30Z",
        "personas": personas,
        "tests": [test],
    }
    (folder / "tokens.test.yaml").write_text(json.dumps(suite))

    done = run_in(folder, "test", "tokens.test.yaml")

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert set(expected.values()) > {"allow"}, "no token is refused"


@pytest.mark.parametrize("name", PAGES)
def test_the_preset_stands_for_what_the_page_shows(name: str, folder: Path) -> None:
    write(folder, name)
    shown = [fence.body for fence in fences(name) if fence.tag == "explain"]
    assert len(shown) == ("preset:" in one(name, "gateway.yaml"))

    for text in shown:
        done = run_in(folder, "explain", "--issuer", "main", "--config", "gateway.yaml")

        assert done.stdout == text


@pytest.mark.parametrize("name", PAGES)
def test_a_suite_has_a_good_token_and_the_usual_bad_ones(name: str) -> None:
    suite = yaml.safe_load(one(name, "access.test.yaml"))
    answers = [answer for test in suite["tests"] for answer in test["expect"].values()]

    assert {"allow", "token_missing", "token_expired"} <= set(answers)
    assert {"scope_missing", "claim_rule_failed"} & set(answers)
    assert {"issuer_unknown", "tenant_not_allowed"} & set(answers)


@pytest.mark.parametrize("name", PAGES)
def test_the_symptoms_are_reasons_that_exist(name: str) -> None:
    table = rows(sections(PAGES[name].read_text(), "##")["Troubleshooting"])

    assert len(table) >= 3
    for symptom, remedy in table:
        words = re.findall(r"`([a-z]+_[a-z_]+)`", symptom)
        assert words, symptom
        assert words[0] in REASONS, symptom
        assert remedy


def test_every_page_is_in_the_index_and_says_its_preset() -> None:
    listed = {
        found[1]: re.findall(r"`(\w+)`", row[1])
        for row in rows(INDEX)
        if (found := re.search(r"\]\(([\w-]+)\.md\)", row[0]))
    }

    assert list(listed) == list(PAGES)
    for name, presets in listed.items():
        used = re.findall(r"preset: (\w+)", one(name, "gateway.yaml"))
        assert set(used) == set(presets), name
    assert {preset for named in listed.values() for preset in named} == set(PRESETS)


def test_the_identity_headers_on_the_index_are_a_configuration(tmp_path: Path) -> None:
    settings = load(tmp_path, config(fence_of(INDEX, "identity:\n")))

    names = [name for name, _ in settings.policy.identity.headers]
    assert names == [b"X-Gateway-Subject", b"X-Gateway-Issuer", b"X-Gateway-Client"]
