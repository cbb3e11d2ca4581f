"""`gateway init` for a certified OpenID provider: what it makes accepts its tokens."""

import json
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.conftest import AUDIENCE, Provider
from tests.openapi.apis import write

GATEWAY = str(Path(sys.executable).with_name("gateway"))

API = """\
openapi: 3.1.0
paths:
  /orders:
    get: {security: [{login: [orders:read]}]}
    post: {security: [{login: [orders:write]}]}
components:
  securitySchemes:
    login: {type: http, scheme: bearer}
"""


def gateway(*words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GATEWAY, *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def explained(config: Path, method: str, token: str) -> dict[str, object]:
    """Return what a gateway with *config* makes of a request with *token*; it fetches the keys."""
    url = "https://api.example.com/orders"
    done = gateway(
        "explain", method, url, "--token", "-", "--config", config, "--json", stdin=token
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found | {"code": done.returncode}


def test_a_token_of_the_provider_and_a_description_make_what_accepts_that_token(
    provider: Provider, tmp_path: Path
) -> None:
    token = provider.token("orders:read")
    made = gateway(
        *("init", "--issuer", provider.issuer, "--upstream", "http://127.0.0.1:9001"),
        *("--token", "-", "--openapi", write(tmp_path, API), "--output", tmp_path / "new"),
        stdin=token,
    )

    assert (made.returncode, made.stderr) == (0, "")
    config = tmp_path / "new" / "gateway.yaml"
    text = config.read_text()
    assert f'audiences: ["{AUDIENCE}"]' in text
    assert "algorithms: [ES256]" in text
    assert "profile: rfc9068" in text
    checked = gateway("check", "--strict", config)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert gateway("test", "--config", config).returncode == 0
    assert explained(config, "GET", token)["code"] == 0
    assert explained(config, "POST", token)["code"] == 1
