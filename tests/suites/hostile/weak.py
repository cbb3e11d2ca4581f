"""Gateways with one weakness each, as others had it: what the attacks are for."""

import hashlib
import hmac
import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from gateway.decision.decide import decide, without_credentials, without_session
from gateway.decision.head import RequestHead
from gateway.decision.identity import canonical_alias
from gateway.decision.policy import Issuer, Policy
from gateway.decision.reason import Reason
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Route, RouteTable
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import Authenticate, Authenticated, KeySets, authenticate
from gateway.decision.tokens.claims import read_claims
from gateway.decision.tokens.identity_fields import render_identity
from gateway.decision.verdict import Allow, Deny, NeedCredentials, Needed, NeedSession
from gateway.http.rehearsal import H2Head, Rehearsal
from gateway.settings.values.configuration import Settings
from gateway.suites.hostile.spoofed_headers import identity_names
from gateway.suites.simulation.sandbox import Decide, DecideH2, Outcome, Sandbox, Sent

Weakness = Callable[[Sandbox], Decide]
Read = Callable[[bytes, Policy, KeySets], Authenticated]


def make_decide(
    sandbox: Sandbox,
    settings: Settings | None = None,
    read: Authenticate = authenticate,
    forgiven: frozenset[Reason] = frozenset(),
) -> Decide:
    """Return what answers as *sandbox* does, but for what is said."""
    settings = settings or sandbox.settings
    policy, rehearsal = settings.policy, Rehearsal(settings)

    def decide_weakly(head: bytes) -> Outcome:
        request = rehearsal.read(head)
        found = request.fields
        host = canonical_host(found.host) or ""
        authorization, also = found.authorization, found.also
        asked = RequestHead(request.method, host, request.target, authorization, None, also)
        verdict = (
            decide(asked, policy, sandbox.keys.sets, sandbox.at, read, sandbox.revocations)
            if found.fault is None
            else found.fault
        )
        if isinstance(verdict, Needed):
            verdict = verdict.deny
        elif isinstance(verdict, NeedCredentials):
            verdict = without_credentials(verdict.route, request.target)
        elif isinstance(verdict, NeedSession):
            verdict = without_session(verdict.route, request.target)
        if isinstance(verdict, Deny) and verdict.reason in forgiven:
            route, token = verdict.route or policy.routes.routes[0], verdict.token
            identity = b"" if token is None else token.identity_fields
            verdict = Allow(route, request.target, token, identity)
        if not isinstance(verdict, Allow):
            return verdict
        return Sent(verdict, rehearsal.render(request, verdict, sandbox.at))

    return decide_weakly


def forgiving(*reasons: Reason) -> Weakness:
    """Return a gateway that lets through what should be refused for *reasons*."""
    return lambda sandbox: make_decide(sandbox, forgiven=frozenset(reasons))


def reading(read: Callable[[Sandbox], Read]) -> Weakness:
    """Return a gateway that believes what *read* makes of a token."""
    return lambda sandbox: make_decide(sandbox, read=read(sandbox))


def configured(
    issuer: Mapping[str, Any] | None = None,
    route: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    public: Mapping[str, Any] | None = None,
) -> Weakness:
    """Return a gateway whose issuers, routes and policy have these values instead of theirs.

    *public* is for public routes, *route* for all others.
    """

    def weaken(sandbox: Sandbox) -> Decide:
        settings = sandbox.settings
        old = settings.policy
        issuers = {iss: replace(one, **(issuer or {})) for iss, one in old.issuers.items()}
        routes = [
            replace(one, **((public if one.public else route) or {})) for one in old.routes.routes
        ]
        changed = replace(old, issuers=issuers, routes=RouteTable(routes), **(policy or {}))
        return make_decide(sandbox, _with_policy(settings, changed))

    return weaken


def _with_policy(settings: Settings, policy: Policy) -> Settings:
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return Settings(**{**values, "policy": policy})


def _decode(part: bytes) -> bytes:
    kept = re.sub(rb"[^A-Za-z0-9+/_-]", b"", part).replace(b"-", b"+").replace(b"_", b"/")
    return b64decode(kept + b"=" * (-len(kept) % 4))


def _parts(token: bytes) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return header and payload, read as if every reader were right."""
    try:
        header, payload = (json.loads(_decode(part)) for part in token.split(b".")[:2])
    except (ValueError, RecursionError):
        return None
    return (header, payload) if isinstance(payload, dict) and isinstance(header, dict) else None


def _believe(
    policy: Policy, keys: KeySets, issuer: Issuer | None, header: Mapping[str, Any], claims: object
) -> SignedToken | Deny:
    if issuer is None or not isinstance(claims, dict):
        return Deny(Reason.ISSUER_UNKNOWN, "unknown")
    read = read_claims(claims, issuer, policy.scope_implies)
    if isinstance(read, Deny):
        return read
    typ = header.get("typ")
    kind = typ.lower().removeprefix("application/") if isinstance(typ, str) else None
    identity = render_identity(policy.identity, read)
    return SignedToken(issuer, keys[issuer.name], None, kind, read, identity, b'""', policy)


def any_signature(_: Sandbox) -> Read:
    """Return what reads tokens and never looks at a signature."""

    def read(token: bytes, policy: Policy, keys: KeySets) -> Authenticated:
        parts = _parts(token)
        if parts is None:
            return authenticate(token, policy, keys)
        header, claims = parts
        iss = claims.get("iss")
        issuer = policy.issuers.get(iss) if isinstance(iss, str) else None
        return _believe(policy, keys, issuer, header, claims)

    return read


def unsigned_is_signed(_: Sandbox) -> Read:
    """Return what needs no signature where ``alg`` is none, in any spelling (CVE-2015-9235)."""

    def read(token: bytes, policy: Policy, keys: KeySets) -> Authenticated:
        parts = _parts(token)
        if parts is None or str(parts[0].get("alg")).lower().strip() != "none":
            return authenticate(token, policy, keys)
        return _believe(policy, keys, policy.issuers.get(parts[1]["iss"]), *parts)

    return read


def public_key_is_secret(sandbox: Sandbox) -> Read:
    """Return what takes an issuer's PEM for the secret of an HMAC (CVE-2016-10555)."""

    def read(token: bytes, policy: Policy, keys: KeySets) -> Authenticated:
        parts = _parts(token)
        issuer = policy.issuers.get(str(parts[1].get("iss"))) if parts is not None else None
        if parts is None or issuer is None or parts[0].get("alg") != "HS256":
            return authenticate(token, policy, keys)
        key = sandbox.keys.of(issuer.name)
        if isinstance(key.private, bytes):
            return authenticate(token, policy, keys)
        signed, _, signature = token.rpartition(b".")
        mac = hmac.new(key.public_pem(), signed, hashlib.sha256).digest()
        if _decode(signature) != mac:
            return authenticate(token, policy, keys)
        return _believe(policy, keys, issuer, *parts)

    return read


def like_issuers(_: Sandbox) -> Read:
    """Return what compares issuers by their beginnings, in any case (CVE-2024-53861)."""

    def read(token: bytes, policy: Policy, keys: KeySets) -> Authenticated:
        parts = _parts(token)
        if parts is None:
            return authenticate(token, policy, keys)
        said = str(parts[1].get("iss")).lower()
        like = (one for iss, one in policy.issuers.items() if said.startswith(iss.lower()[:5]))
        issuer = next(like, None)
        if issuer is None or "iss" not in parts[1]:
            return authenticate(token, policy, keys)
        return _believe(policy, keys, issuer, *parts)

    return read


def rewriting(rewrite: Callable[[bytes], bytes]) -> Weakness:
    """Return a gateway that takes a request for what *rewrite* makes of its head."""
    return lambda sandbox: lambda head: sandbox.decide(rewrite(head))


def _token_from_anywhere(head: bytes) -> bytes:
    found = re.search(rb"eyJ[A-Za-z0-9_.-]{100,}", head)
    if found is None:
        return head
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"authorization")]
    return b"\r\n".join([lines[0], b"Authorization: Bearer " + found[0], *lines[1:]])


def _last_credential(head: bytes) -> bytes:
    lines = head.split(b"\r\n")
    sent = [line for line in lines if line.lower().startswith(b"authorization:")]
    good = [one for line in sent for one in line.split(b", ") if one.count(b".") == 2]
    if len(good) < 1:
        return head
    token = good[-1].rpartition(b" ")[2]
    rest = [line for line in lines if line not in sent]
    return b"\r\n".join([rest[0], b"Authorization: Bearer " + token, *rest[1:]])


def _first_credential(head: bytes) -> bytes:
    lines = head.split(b"\r\n")
    sent = [line for line in lines if line.lower().startswith(b"authorization:")]
    first = sent[0].partition(b", ")[0] if sent else b""
    rest = [line for line in lines if line not in sent]
    return b"\r\n".join([rest[0], first, *rest[1:]]) if first else head


def keeps_headers(sandbox: Sandbox) -> Decide:
    """Return a gateway that sends on what clients say under an identity header's name."""
    names = set(map(canonical_alias, identity_names(sandbox.settings.policy.identity)))

    def decide(head: bytes) -> Outcome:
        outcome = sandbox.decide(head)
        if not isinstance(outcome, Sent):
            return outcome
        lines = [b"\r\n" + line for line in head.split(b"\r\n") if b":" in line]
        forged = [one for one in lines if canonical_alias(one[2:].partition(b":")[0]) in names]
        first, end, rest = outcome.head.partition(b"\r\n")
        return Sent(outcome.allow, first + b"".join(forged) + end + rest)

    return decide


def lets_connection_drop(sandbox: Sandbox) -> Decide:
    """Return a gateway that drops what `Connection` names from its own headers, too."""

    def decide(head: bytes) -> Outcome:
        outcome = sandbox.decide(head)
        if not isinstance(outcome, Sent):
            return outcome
        named = b",".join(re.findall(rb"(?i)\r\nconnection:([^\r]*)", head)).lower().split(b",")
        gone = {name.strip() for name in named}
        lines = outcome.head.split(b"\r\n")
        kept = [line for line in lines if line.partition(b":")[0].lower() not in gone]
        return Sent(outcome.allow, b"\r\n".join(kept))

    return decide


def keeps_overrides(sandbox: Sandbox) -> Decide:
    """Return a gateway that sends on all that a client says."""

    def decide(head: bytes) -> Outcome:
        outcome = sandbox.decide(head)
        if not isinstance(outcome, Sent):
            return outcome
        own = head.removesuffix(b"\r\n\r\n").split(b"\r\n", 2)[2:]
        return Sent(outcome.allow, outcome.head.removesuffix(b"\r\n") + b"".join(own))

    return decide


def _route(policy: Policy, name: str) -> Route:
    return next(route for route in policy.routes.routes if route.name == name)


def raw_prefixes(sandbox: Sandbox) -> Decide:
    """Return a gateway that looks at the beginning of a path alone (CVE-2019-9901)."""
    public = _route(sandbox.settings.policy, "open")

    def decide(head: bytes) -> Outcome:
        target = head.split(b" ")[1]
        if target.startswith(public.path.rstrip("/").encode()):
            return Sent(Allow(public, target, None, b""), head)
        return sandbox.decide(head)

    return decide


def whole_urls(sandbox: Sandbox) -> Decide:
    """Return a gateway that looks for a public path anywhere in a URL (CVE-2025-54576)."""
    public = _route(sandbox.settings.policy, "open")

    def decide(head: bytes) -> Outcome:
        target = head.split(b" ")[1]
        if public.path.encode() in target:
            return Sent(Allow(public, target, None, b""), head)
        return sandbox.decide(head)

    return decide


ANYWHERE = rewriting(_token_from_anywhere)
LAST, FIRST = rewriting(_last_credential), rewriting(_first_credential)


def written_out(sandbox: Sandbox, decide: Decide | None = None) -> DecideH2:
    """Return a gateway that writes a head of HTTP/2 as one of HTTP/1.1, and believes it.

    *decide* then decides that one, by default *sandbox*. It drops what it knows to be wrong there.
    """
    by_lines = decide or sandbox.decide

    def decide_h2(head: H2Head) -> Outcome:
        pseudo = dict(head.headers)
        line = b"%b %b HTTP/1.1\r\nHost: %b\r\n" % (
            pseudo.get(b":method", b"GET").upper(),
            pseudo.get(b":path", b"/any"),
            pseudo.get(b":authority", b"some.test"),
        )
        fields = (one for one in head.headers if one[0][:1] != b":" and one[0].lower() != b"host")
        return by_lines(line + b"".join(b"%b: %b\r\n" % one for one in fields) + b"\r\n")

    return decide_h2
