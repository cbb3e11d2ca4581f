"""The facets of a configuration besides its routes and issuers."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gateway.decision.tokens.json_text import parse_json_object
from gateway.settings.text.grants import IMPLIED, Include, describe_grants
from gateway.settings.values.configuration import (
    Resource,
    RevocationSettings,
    ServiceCredentials,
    Settings,
)
from gateway.suites.differences.facet import Facet, Judge, Kind, Kinds, listed
from gateway.suites.differences.issuer_facets import client_facets, file_digest, proxy_facet
from gateway.suites.differences.judges import (
    CLOSED,
    always,
    by_requests,
    comes_and_goes,
    grows,
    harmless,
    part,
    shrinks,
    weakens,
)
from gateway.suites.differences.limit_facets import upstream_facets
from gateway.suites.differences.tls_facets import authorities_facet, upstream_tls_facets

_LOOSENED: Kinds = frozenset({Kind.LOOSENED})


def scope_facets(settings: Settings) -> dict[str, Facet]:
    """Return all scopes that each scope implies."""
    return {
        scope: Facet(
            granted, f"grants {listed(granted, 'nothing')}", by_requests, ("scope_implies", scope)
        )
        for scope, granted in settings.policy.scope_implies.items()
    }


def revocation_facets(one: RevocationSettings, settings: Settings) -> dict[str, Facet]:
    """Return the facets of a revocation list."""
    issuers = one.rule.issuers
    failure = "refuse" if one.rule.refuses_without else "allow"
    location = _read_entries(one.location) if one.is_file else one.location
    key = "file" if one.is_file else "url"
    by_entries: Judge = _judge_entries
    by_failure = weakens(("refuse", "allow"))
    if any(settings.issuers[name].issuer.reports for name in issuers):
        # A token that is refused passes, and no rule of a route is asked about it.
        by_entries = by_failure = always(Kind.OPENED)
    return {
        "location": Facet(location, one.location, by_entries, (key,)),
        "issuers": Facet(
            frozenset(settings.issuers[name].issuer.issuer for name in issuers),
            listed(issuers, "none"),
            shrinks(Kind.OPENED),
            ("issuers",),
        ),
        "on_failure": Facet(failure, failure, by_failure, ("on_failure",)),
        "ca": authorities_facet(one.ca, "any", ("tls", "ca")),
        "proxy": proxy_facet(one.proxy),
    }


def _read_entries(file: str) -> frozenset[str] | bytes | str:
    """Return the entries of the revocation list in *file*; its digest or name if it has none."""
    try:
        document = parse_json_object(Path(file).read_bytes())
    except OSError:
        return file
    entries = document.get("revoked") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return file_digest(file)
    return frozenset(json.dumps(entry, sort_keys=True) for entry in entries)


def _judge_entries(old: object, new: object) -> Kinds:
    """Judge what is revoked: a token is accepted again if its entry is gone."""
    if isinstance(old, frozenset) and isinstance(new, frozenset):
        return shrinks(Kind.OPENED)(old, new)
    # Who decides what is revoked is another, or nobody knows what has changed.
    return frozenset({Kind.KEYS, Kind.OPENED})


def resource_facets(one: Resource) -> dict[str, Facet]:
    """Return what is published about a resource, member by member."""
    members = json.loads(one.metadata)
    # Clients send their users there to log in.
    judges: Mapping[str, Judge] = {"authorization_servers": grows(Kind.KEYS)}
    told = harmless("clients are told what is required, and requests are compared")
    facets = {
        name: Facet(
            frozenset(value) if isinstance(value, list) else value,
            _show(value),
            judges.get(name, told),
        )
        for name, value in members.items()
    }
    return {**facets, "metadata": Facet(one.metadata_url, one.metadata_url, told)}


def include_facets(one: Include) -> dict[str, Facet]:
    """Return what the files of an entry of `include` may declare, and where."""
    grants = frozenset({*one.grants, *(IMPLIED[grant] for grant in one.grants if grant in IMPLIED)})
    under, hosts = (None if one is None else frozenset(one) for one in (one.under, one.hosts))
    value = (grants, under, hosts)
    return {"may": Facet(value, f"declare {describe_grants(one)}", _judge_grants)}


def _judge_grants(old: object, new: object) -> Kinds:
    """Judge what included files may do: more grants, or other or no limits, is looser."""
    if not isinstance(old, tuple) or not isinstance(new, tuple):
        return _LOOSENED
    kinds = grows(Kind.LOOSENED)(old[0], new[0])
    for before, after in zip(old[1:], new[1:], strict=True):
        if before == after:
            continue
        is_narrower = before is None or (after is not None and after < before)
        kinds |= CLOSED if is_narrower else _LOOSENED
    return kinds


def _show(value: object) -> str:
    return listed(value, "none") if isinstance(value, list) else str(value)


def upstream_of(name: str, settings: Settings) -> dict[str, Facet]:
    """Return all facets of the upstream *name* but its servers."""
    one = settings.upstreams[name]
    tls = {} if one.tls is None else upstream_tls_facets(one.tls)
    named = {f"tls.{key}": facet for key, facet in tls.items()}
    return {**upstream_facets(one), **named, **credential_facets(one.credentials, settings)}


def credential_facets(asked: ServiceCredentials | None, settings: Settings) -> dict[str, Facet]:
    """Return what an upstream receives as its token."""
    # The service believes what it receives: another token may be worth more.
    judge = comes_and_goes(_LOOSENED, CLOSED, always(Kind.LOOSENED))
    if asked is None:
        return {"credentials": Facet(None, "none", judge, ("credentials",))}
    at = ("credentials", asked.grant.value)
    whose = "the caller's token, exchanged" if asked.exchanges else "a token of the gateway's own"
    server: object = asked.token_url
    shown = str(asked.token_url)
    if asked.issuer is not None:
        server = settings.issuers[asked.issuer].issuer.issuer
        shown = f"{asked.issuer} ({server})"
    scopes = frozenset(asked.scopes)
    loosens, others = always(Kind.LOOSENED), always(Kind.KEYS)
    seconds = asked.timeout_seconds
    facets = {
        "issuer": Facet(server, shown, others, (*at, "issuer" if asked.issuer else "token_url")),
        "scopes": Facet(
            # Without scopes the server grants its default.
            scopes,
            listed(asked.scopes, "the default"),
            grows(Kind.LOOSENED) if scopes else loosens,
            (*at, "scopes"),
        ),
        "audience": Facet(
            asked.audience or "", asked.audience or "none", loosens, (*at, "audience")
        ),
        "resource": Facet(
            asked.resource or "", asked.resource or "none", loosens, (*at, "resource")
        ),
        "token type": Facet(asked.token_type, asked.token_type or "any", loosens, at),
        "ca": authorities_facet(asked.ca, "any", (*at, "tls", "ca")),
        "proxy": proxy_facet(asked.proxy, *at),
        "timeout": Facet(
            seconds,
            f"{seconds:g} s",
            harmless("without a token nothing is sent"),
            (*at, "timeout"),
        ),
    }
    for name, facet in client_facets(asked.client).items():
        facets[name] = replace(facet, keys=(*at, *facet.keys))
    parts = {name: replace(one, judge=part(one.judge)) for name, one in facets.items()}
    return {"credentials": Facet(asked.grant, whose, judge, at), **parts}
