"""Refuse issuers, and addresses of keys and metadata, that are the address of something else."""

import re

from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten

# OpenID Discovery §4, RFC 8414 §3, and where vendors have keys.
_METADATA = re.compile(r"(.+)/\.well-known/(?:openid-configuration|oauth-authorization-server)/?")
_KEYS = re.compile(
    r"(.+?)(?:/\.well-known/(?:[\w-]*jwks(?:\.json)?|keys)|/protocol/openid-connect/certs"
    r"|/discovery(?:/v2\.0)?/keys|(?:/oauth2)?/v1/(?:keys|certs)|/jwks(?:\.json)?"
    r"|/openid/(?:connect/)?jwks(?:\.json)?)/?"
)

_WITH_PATH = re.compile(r"[a-z]+://[^/]+/.+")


def refuse_wrong_identifier(model: IssuerModel, part: Part, faults: list[Fault]) -> None:
    """Refuse an `issuer` that is where metadata or keys are: no token has such an `iss`."""
    at, iss = part.child("issuer"), model.issuer
    for what, pattern, key, url in (
        ("metadata", _METADATA, "discovery_url", model.discovery_url),
        ("keys", _KEYS, "jwks_url", model.jwks_url),
    ):
        found = pattern.fullmatch(iss)
        is_twice = url == iss and not model.discovery and _WITH_PATH.fullmatch(iss)
        if found is None and not is_twice:
            continue
        write = "write the `iss` of the tokens here"
        if found is not None and not at.document.is_filled(at.path):
            write = (
                f"write `issuer: {shorten(found[1])}`, with a slash at the end if the `iss` of"
                " tokens has one"
            )
        if model.discovery or model.introspection:
            write += f"; if its {what} are elsewhere, `{key}` replaces `discovery`"
        message = f"this is the address of {what}, not an `iss`: {write}"
        faults.append(at.fault(Code.BAD_VALUE, message))
        return


def refuse_wrong_address(model: IssuerModel, part: Part, faults: list[Fault]) -> None:
    """Refuse a `jwks_url` where metadata are, and a `discovery_url` where keys are."""
    for key, url, pattern, message in (
        ("jwks_url", model.jwks_url, _METADATA, "this is the address of metadata, not of keys"),
        (
            "discovery_url",
            model.discovery_url,
            _KEYS,
            "this is the address of keys, not of metadata",
        ),
    ):
        at = part.child(key)
        found = None if url is None else pattern.fullmatch(url.partition("?")[0])
        if url is None or found is None:
            continue
        if pattern is _METADATA and found[1].rstrip("/") == model.issuer.rstrip("/"):
            write = "discovery: true"
        else:
            other = "discovery_url" if pattern is _METADATA else "jwks_url"
            write = f"{other}: {'URL' if at.document.is_filled(at.path) else shorten(url)}"
        faults.append(at.fault(Code.BAD_VALUE, f"{message}: write `{write}` instead"))
