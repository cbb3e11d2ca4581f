"""`docs/assertions.md`: its configuration, its command and its program do what it says."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gateway.assertion.signer import TYPE, AssertionSigner
from gateway.settings.load import Loaded, load_settings
from gateway.settings.schema.identity import DEFAULT_CLAIMS
from gateway.settings.values.configuration import AssertionSettings
from gateway.settings.values.signing_key import render_jwks
from tests.assertion.callers import signed_token
from tests.decision.policies import NOW
from tests.project.console import find_fences
from tests.settings.configs import config

TEXT = (Path(__file__).parents[2] / "docs" / "assertions.md").read_text()
# The first of each language: the second configuration is that of transaction tokens.
FENCES = {fence.language: fence.body for fence in reversed(list(find_fences(TEXT)))}


@pytest.fixture
def assertion(tmp_path: Path) -> AssertionSettings:
    """The configuration of the page, with a key made by the command that it shows."""
    subprocess.run(FENCES["sh"], shell=True, cwd=tmp_path, check=True, timeout=60)
    path = tmp_path / "gateway.yaml"
    path.write_text(config(FENCES["yaml"]))
    loaded = load_settings(path, {})
    assert isinstance(loaded, Loaded), loaded
    assert loaded.settings.assertion is not None
    return loaded.settings.assertion


def test_the_configuration_of_transaction_tokens_holds(tmp_path: Path) -> None:
    subprocess.run(FENCES["sh"], shell=True, cwd=tmp_path, check=True, timeout=60)
    _, text = (fence.body for fence in find_fences(TEXT) if fence.language == "yaml")
    path = tmp_path / "gateway.yaml"
    path.write_text(config(text))

    loaded = load_settings(path, {})

    assert isinstance(loaded, Loaded), loaded
    assert loaded.settings.assertion is not None
    assert loaded.settings.assertion.header == b"Txn-Token"
    assert loaded.settings.assertion.trust_domain == "example.com"


def test_the_program_takes_what_the_gateway_signs_for_its_service_and_nothing_else(
    assertion: AssertionSettings,
) -> None:
    published = json.loads(render_jwks(assertion.keys))
    signer = AssertionSigner(assertion, lambda: "id")
    program: dict[str, Any] = {}
    exec(FENCES["python"], program)

    def caller_of(upstream: str, now: float) -> dict[str, Any]:
        token = signed_token(exp=NOW + 10**9)
        line = signer.vouch(token, upstream, now)
        value = line.decode().partition(": ")[2].strip()
        found: dict[str, Any] = program["caller_of"](value, KeySet.import_key_set(published))
        return found

    assert caller_of("orders", time.time())["sub"] == "alice"
    with pytest.raises(JoseError):
        caller_of("invoices", time.time())
    with pytest.raises(JoseError):
        caller_of("orders", time.time() - 61)


def test_the_page_names_the_type_the_claims_and_the_field(assertion: AssertionSettings) -> None:
    assert f"`{TYPE}`" in TEXT
    assert assertion.header.decode() in TEXT
    for name in ("iss", "aud", "iat", "exp", "jti", *DEFAULT_CLAIMS):
        assert f"`{name}`" in TEXT
