"""Configurations to attack, and what is allowed there."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.settings.load import Loaded
from gateway.suites.hostile.attack import Attack, Forgery, send
from gateway.suites.hostile.control import Cases, Control, Controls
from gateway.suites.hostile.findings import HostileReport
from gateway.suites.hostile.run_attacks import Campaign, judge
from gateway.suites.simulation.sandbox import Decide, Sandbox
from tests.suites.worlds import AT, load_all

# Something of everything that a route can ask for. No spelling of a guarded path is more open.
WORLD = """\
version: 1
issuers:
  main:
    issuer: "https://login.example/"
    discovery: true
    audiences: [orders, accounts]
    algorithms: [ES256, EdDSA]
    profile: rfc9068
  partner:
    {issuer: "https://partner.example", discovery: true, audiences: [orders], algorithms: [EdDSA]}
  ci: {issuer: ci, secret_env: CI_SECRET, audiences: [orders]}
revocations:
  blocked: {url: "https://login.example/blocked", issuers: [main]}
upstreams:
  orders: {servers: ["http://10.0.0.7:8000"]}
  site: {servers: ["http://10.0.0.8:8000"]}
scope_implies: {orders:admin: [orders:read, orders:write]}
routes:
  - {name: health, match: {path: /healthz}, upstream: orders, public: true}
  - {name: open, match: {path_prefix: /public/}, upstream: orders, public: true}
  - {name: site, match: {path_prefix: /}, upstream: site, public: true}
  - name: read-order
    match: {hosts: [api.example], path: "/tenants/{tenant}/orders/{id}", methods: [GET]}
    upstream: orders
    require:
      issuers: [main]
      audiences: [orders]
      scopes: {all: [orders:read, {any: [staff, auditor]}, {none: [suspended]}]}
      claims:
        tenant: {equals: "{path.tenant}"}
        realm.roles: {contains: reader}
        level: {at_least: 3}
        region: {in: [eu, us]}
        mail: {matches: "*@example.com"}
        robot: {exists: false}
        plan: {not_equals: free}
      acr: [mfa]
      max_age: 5m
  - {name: any, match: {path: /any}, upstream: orders, require: {}}
  - name: maybe
    match: {path: /maybe}
    upstream: orders
    require: {optional: true, issuers: [main, partner], scopes: [orders:read]}
  - {name: machines, match: {path: /machines}, upstream: orders, require: {issuers: [ci]}}
"""


def make_sandbox(directory: Path, text: str = WORLD) -> tuple[Sandbox, Loaded]:
    """Return the gateway that *text* configures."""
    loaded = load_all(directory, text)
    return Sandbox(loaded.settings, AT), loaded


def control_of(
    sandbox: Sandbox, route: str, issuer: str | None = None, cases: Cases = ()
) -> Control:
    """Return the control of the route of this name."""
    controls = Controls(sandbox, sandbox.decide, cases)
    found = next(one for one in sandbox.settings.policy.routes.routes if one.name == route)
    return next(one for one in controls.of(found) if issuer in {None, one.issuer.name})


def attack(
    directory: Path, text: str = WORLD, cases: Cases = (), decide: Decide | None = None
) -> HostileReport:
    """Return what comes of attacking what *text* configures."""
    sandbox, loaded = make_sandbox(directory, text)
    return Campaign(sandbox, loaded.places, cases, decide).run()


def refusals(control: Control, attacks: Iterable[Attack | Forgery]) -> Mapping[str, set[str]]:
    """Return why the attacks are refused, by their names; each must be, for a reason it states."""
    found: dict[str, set[str]] = {}
    for one in attacks:
        sent = next(send([one], control)) if isinstance(one, Forgery) else one
        outcome = control.sandbox.decide(sent.head)
        assert judge(sent, outcome) is None, (sent.name, sent.variant, outcome)
        assert isinstance(outcome, Deny), (sent.name, sent.variant)
        found.setdefault(sent.name, set()).add(outcome.reason.code)
    return found


def variants(attacks: Iterable[Attack | Forgery], name: str) -> set[str]:
    """Return the variants of the attacks called *name*."""
    return {one.variant for one in attacks if one.name == name}


def codes(*reasons: Reason) -> set[str]:
    """Return the codes of *reasons*."""
    return {reason.code for reason in reasons}
