"""A configuration to explain, its personas, and tokens that its keys sign."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import Result
from jwt.algorithms import ECAlgorithm

from tests.cli.config_files import run
from tests.tokens import make_private, mint

SECRET = "a secret that only these tests know, and nobody else"
ISSUER = "https://login.example/"
CONFIG = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", KEYS, audiences: [orders], leeway: 10s}
  ci: {issuer: ci, secret_env: CI_SECRET, audiences: unchecked, algorithms: [HS256]}
revocations:
  blocked: {file: blocked.json, issuers: [main]}
upstreams:
  orders: {servers: ["http://10.0.0.7:8000", "https://10.0.0.8"]}
scope_implies: {orders:admin: [orders:read]}
limits: {body: 4KiB}
routes:
  - {name: health, match: {path: /healthz}, upstream: orders, public: true}
  - name: read-order
    match: {path: "/tenants/{tenant}/orders/{id}", hosts: [api.example], methods: [GET]}
    upstream: orders
    require:
      issuers: [main]
      scopes: [orders:read]
      claims: {tenant: {equals: "{path.tenant}"}}
  - {name: any, match: {path: /any}, upstream: orders, require: {}}
  - {name: trial, match: {path: /trial}, upstream: orders, mode: report, require: {scopes: [x]}}
"""
PERSONAS = """\
version: 1
gateway: gateway.yaml
at: "2026-01-01T12:00:00Z"
personas:
  nobody: {anonymous: true}
  alice: {issuer: main, claims: {scope: orders:read, tenant: acme}}
  gone: {extends: alice, revoked: [blocked]}
  forger: {extends: alice, attack: signature}
  twice: {extends: alice, attack: repeated}
"""
ORDER = "https://api.example/tenants/acme/orders/7"


def write_world(
    directory: Path,
    keys: str = "jwks_file: keys.json",
    changes: Mapping[str, str] | None = None,
    personas: str = PERSONAS,
) -> Path:
    """Write the configuration, with *changes* of its text, and all it names; return its path."""
    jwk = ECAlgorithm.to_jwk(make_private("ES256").public_key(), as_dict=True)
    published = {"keys": [{**jwk, "kid": "k1", "alg": "ES256"}]}
    (directory / "keys.json").write_text(json.dumps(published))
    (directory / "blocked.json").write_text('{"revoked": [{"jti": "gone"}, {"sub": "mallory"}]}')
    (directory / "personas.yaml").write_text(personas)
    text = CONFIG.replace("KEYS", keys)
    for before, after in (changes or {}).items():
        assert before in text
        text = text.replace(before, after)
    path = directory / "gateway.yaml"
    path.write_text(text)
    return path


def make_token(**changes: Any) -> bytes:
    """Return a token of the issuer ``main``, current now; a claim of None leaves it out."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "orders",
        "sub": "alice",
        "tenant": "acme",
        "scope": "orders:read",
        "jti": "token-1",
        "exp": now + 600,
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    return mint(make_private("ES256"), "ES256", kept)


def explain(config: Path, *arguments: str | Path, env: Mapping[str, str] | None = None) -> Result:
    """Return what ``gateway explain`` answers to *arguments*."""
    environ = {"CI_SECRET": SECRET, **(env or {})}
    return run("explain", *arguments, "--config", config, env=environ)


def as_json(result: Result) -> dict[str, Any]:
    """Return the object that *result* printed."""
    members = json.loads(result.stdout)
    assert isinstance(members, dict)
    return members


def by_check(result: Result) -> dict[str, dict[str, Any]]:
    """Return the steps that *result* printed, by what they check."""
    return {step["check"]: step for step in as_json(result)["steps"]}
