"""Configurations, and requests to put to them."""

from pathlib import Path

from gateway.settings.load import Loaded, load_settings
from gateway.settings.values import Settings
from gateway.suites.request import AskedRequest, parse_request

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


def load(directory: Path, text: str = ESTATE) -> Settings:
    """Return the settings that *text* says; *directory* is for the file."""
    path = directory / "gateway.yaml"
    path.write_text(text)
    loaded = load_settings(path, ENVIRON)
    assert isinstance(loaded, Loaded), loaded
    return loaded.settings


def get(path: str) -> AskedRequest:
    """Return a GET for *path*."""
    return parse_request("GET", f"https://api.example.com{path}")
