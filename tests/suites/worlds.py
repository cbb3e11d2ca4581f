"""Configurations, suites about them, and requests to put to them."""

from collections.abc import Callable
from pathlib import Path

from gateway.settings.load import Loaded, load_settings
from gateway.settings.values.configuration import Settings
from gateway.suites.files.read_suite import BrokenSuite
from gateway.suites.running.ready import Configurations, ReadySuite, make_ready
from gateway.suites.simulation.request import SimulatedRequest, parse_request

AT = 1_780_000_000.0

ESTATE = """\
version: 1
issuers:
  main:
    {issuer: "https://login.example/", discovery: true, audiences: [orders], profile: rfc9068}
  partner: {issuer: "https://partner.example", discovery: true, audiences: [shop, orders]}
  ci: {issuer: ci, secret_env: CI_SECRET, audiences: unchecked}
revocations:
  blocked: {url: "https://login.example/blocked", on_failure: refuse}
upstreams:
  orders: {servers: ["http://10.0.0.7:8000"]}
scope_implies: {orders:admin: [orders:read]}
routes:
  - {name: health, match: {path: /healthz}, upstream: orders, public: true}
  - name: read-order
    match: {path: "/tenants/{tenant}/orders/{id}", methods: [GET]}
    upstream: orders
    require:
      issuers: [main]
      scopes: [orders:read]
      claims: {tenant: {equals: "{path.tenant}"}}
  - {name: any, match: {path: /any}, upstream: orders, require: {}}
  - {name: fresh, match: {path: /fresh}, upstream: orders, require: {max_age: 5m}}
"""
ENVIRON = {"CI_SECRET": "a secret that is used by nobody but these tests"}

SUITE = """\
version: 1
gateway: gateway.yaml
personas:
  alice: {issuer: main, claims: {scope: "orders:read", tenant: acme}}
  boss: {extends: alice, claims: {scope: "orders:admin"}}
  nobody: {anonymous: true}
tests:
  - name: orders of the own tenant
    request: GET https://api.example.com/tenants/acme/orders/7
    expect: {alice: allow, boss: allow, nobody: token_missing}
  - name: orders of another tenant
    request: GET https://api.example.com/tenants/globex/orders/7
    expect: {alice: claim_rule_failed, boss: claim_rule_failed, nobody: token_missing}
"""

# A suite that fails once in each of its tests.
FAILING = SUITE.replace("nobody: token_missing", "nobody: allow", 1).replace(
    "globex/orders/7\n    expect: {alice: claim_rule_failed",
    "globex/orders/7\n    expect: {alice: {allow: {headers: {X-A: b}}}",
)


def write(directory: Path, suite: str = SUITE, gateway: str = ESTATE) -> Path:
    """Return the file of *suite*, which stands beside its configuration."""
    (directory / "gateway.yaml").write_text(gateway)
    path = directory / "a.test.yaml"
    path.write_text(suite)
    return path


def make(directory: Path, suite: str = SUITE, gateway: str = ESTATE) -> ReadySuite:
    """Return *suite* ready to run."""
    ready = make_or_not(directory, suite, gateway)
    assert isinstance(ready, ReadySuite), ready
    return ready


def make_or_not(
    directory: Path, suite: str = SUITE, gateway: str = ESTATE
) -> ReadySuite | BrokenSuite:
    """Return what becomes of *suite*."""
    path = write(directory, suite, gateway)
    return make_ready(path, None, {}, Configurations(ENVIRON))


def load(directory: Path, text: str = ESTATE) -> Settings:
    """Return the settings that *text* says; *directory* is for the file."""
    return load_all(directory, text).settings


def load_all(directory: Path, text: str = ESTATE) -> Loaded:
    """Return all that is loaded of *text*; *directory* is for the file."""
    path = directory / "gateway.yaml"
    path.write_text(text)
    loaded = load_settings(path, ENVIRON)
    assert isinstance(loaded, Loaded), loaded
    return loaded


def get(path: str) -> SimulatedRequest:
    """Return a GET for *path*."""
    return parse_request("GET", f"https://api.example.com{path}")


def in_folder(directory: Path) -> Callable[[str], str]:
    """Return what takes the name of *directory* out of a text."""
    return lambda text: text.replace(f"{directory}/", "")
