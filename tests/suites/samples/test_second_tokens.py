"""The second token of a route is made as its rules want it, and only where there are rules."""

from pathlib import Path

from gateway.decision.verdict import Deny
from gateway.suites.samples.second_tokens import second_drafts, second_of
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.request import parse_request
from gateway.suites.simulation.sandbox import Sent
from gateway.suites.simulation.wire import authorization, write_head
from tests.suites.hostile.sandboxes import control_of, make_sandbox

TWO = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}
  mesh: {issuer: "https://mesh.example/", discovery: true, audiences: [orders]}
upstreams: {orders: {servers: ["http://10.0.0.7:8000"]}}
routes:
  - name: both
    match: {path: "/t/{tenant}", methods: [GET]}
    upstream: orders
    require:
      issuers: [main]
      scopes: [read]
      also:
        header: X-Workload-Token
        issuers: [mesh]
        scopes: [mesh:call]
        claims: {tenant: {equals: "{path.tenant}"}}
  - {name: one, match: {path: /one}, upstream: orders, require: {issuers: [main]}}
"""


def test_a_second_token_satisfies_its_rules(tmp_path: Path) -> None:
    sandbox, _ = make_sandbox(tmp_path, TWO)
    request = parse_request("GET", "https://some.example/t/acme")
    (draft,) = second_drafts(request, sandbox.settings, sandbox.keys, sandbox.at)
    second = second_of(request, sandbox.settings)
    first = bearer(control_of(sandbox, "both").draft.sign())

    assert second is not None
    assert (second.name, draft.issuer.name) == ("X-Workload-Token", "mesh")
    assert draft.claims["tenant"] == "acme"
    field = (b"X-Workload-Token", bearer(draft.sign()))
    assert isinstance(sandbox.decide(write_head(request, *authorization(first), field)), Sent)
    assert isinstance(sandbox.decide(write_head(request, *authorization(first))), Deny)


def test_other_requests_need_none(tmp_path: Path) -> None:
    sandbox, _ = make_sandbox(tmp_path, TWO)
    for path in ("/one", "/nowhere"):
        request = parse_request("GET", f"https://some.example{path}")
        assert second_of(request, sandbox.settings) is None
        assert not list(second_drafts(request, sandbox.settings, sandbox.keys, sandbox.at))
