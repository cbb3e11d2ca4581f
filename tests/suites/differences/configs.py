"""Two configurations that differ in something, and what is found."""

from collections.abc import Mapping
from pathlib import Path

from gateway.settings.load import Loaded, load_settings
from gateway.suites.differences.compare import Difference, Question, compare
from gateway.suites.differences.compare_general import compare_access, compare_limits
from gateway.suites.differences.compare_regions import MAX_CELLS
from gateway.suites.differences.compare_routes import RouteFacets, compare_routes
from gateway.suites.differences.facet import Change
from gateway.suites.differences.side import Caller, Side
from tests.suites.worlds import AT, ENVIRON

BASE = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders], profile: rfc9068}
  partner: {issuer: "https://partner.example", discovery: true, audiences: [orders, shop]}
upstreams:
  orders: {servers: ["http://10.0.0.7:8000", "http://10.0.0.8:8000"]}
  site: {servers: ["http://10.0.0.9:8000"]}
scope_implies: {admin: [read, write]}
routes:
  - name: health
    match: {path: /healthz}
    upstream: orders
    public: true
  - name: read-order
    match: {hosts: [a.example, b.example], path: "/t/{tenant}/orders/{id}", methods: [GET, HEAD]}
    upstream: orders
    require:
      issuers: [main]
      scopes: {any: [read, {all: [audit, staff]}]}
      claims:
        tenant: {equals: "{path.tenant}"}
        level: {at_least: 2}
        region: {in: [eu, us]}
  - name: everything
    match: {path_prefix: /orders/}
    upstream: orders
    require: {scopes: [read, write]}
"""

# Another file that means the same: order, names of variables, what is so by default.
SAME = """\
# a comment
version: 1
timeouts: {head: 10s}
scope_implies: {admin: [write, read]}
identity: {forward_token: false}
routes:
  - name: everything
    mode: enforce
    match: {path_prefix: /orders/}
    require: {issuers: [partner, main], scopes: {all: [write, read]}, optional: false}
    upstream: all-orders
  - match: {methods: [HEAD, GET], path: "/t/{x}/orders/{y}", hosts: [b.example, a.example]}
    name: read-order
    require:
      claims:
        region: {in: [us, eu], exists: true}
        tenant: {in: ["{path.x}"]}
        level: {at_least: 2.0}
      scopes: [{any: [{all: [staff, audit]}, read]}]
      issuers: [main]
    upstream: all-orders
  - {name: health, public: true, upstream: all-orders, match: {path: /healthz}}
upstreams:
  site: {servers: ["http://10.0.0.9:8000"]}
  all-orders: {servers: ["http://10.0.0.8:8000", "http://10.0.0.7:8000"]}
issuers:
  partner:
    issuer: "https://partner.example"
    discovery: true
    audiences: [shop, orders]
    algorithms: [EdDSA, ES256, RS256]
    profile: any
    leeway: 30s
  main: {profile: rfc9068, audiences: [orders], discovery: true, issuer: "https://login.example/"}
"""


def load(
    directory: Path,
    text: str,
    name: str = "gateway.yaml",
    environ: Mapping[str, str] = ENVIRON,
) -> Loaded:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    loaded = load_settings(path, environ)
    assert isinstance(loaded, Loaded), loaded
    return loaded


def both(directory: Path, new: str, old: str = BASE) -> tuple[Loaded, Loaded]:
    """Return both configurations, in files ``old.yaml`` and ``new.yaml``."""
    return load(directory, old, "old.yaml"), load(directory, new, "new.yaml")


def sides(directory: Path, new: str, old: str = BASE) -> tuple[Side, Side]:
    before, after = both(directory, new, old)
    return Side(before, AT, {}), Side(after, AT, {})


def edited(*edits: tuple[str, str]) -> str:
    """Return the base configuration with the first of each pair replaced by the second."""
    text = BASE
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def difference(
    directory: Path, new: str, old: str = BASE, max_cells: int = MAX_CELLS
) -> Difference:
    return compare(*both(directory, new, old), Question(AT), max_cells)


def changes(directory: Path, new: str, old: str = BASE) -> list[Change]:
    """Return what differs but for requests."""
    before, after = both(directory, new, old)
    routes = compare_routes(RouteFacets(before), RouteFacets(after))
    return [*routes, *compare_access(before, after), *compare_limits(before, after)]


def told(found: list[Change]) -> list[tuple[str, ...]]:
    """Return changes as subject, name, facet, and what both say."""
    return [
        (
            one.subject,
            one.name,
            one.facet,
            "-" if one.old is None else one.old.text,
            "-" if one.new is None else one.new.text,
        )
        for one in found
    ]


def caller(name: str, iss: str | None = "https://login.example/", **claims: object) -> Caller:
    made: dict[str, object] = {
        "iss": iss,
        "sub": "alice",
        "aud": "orders",
        "client_id": "c",
        "jti": "j",
        "iat": int(AT),
        "exp": int(AT) + 300,
    }
    return Caller(name, iss, {**made, **claims}, {"typ": "at+jwt"})
