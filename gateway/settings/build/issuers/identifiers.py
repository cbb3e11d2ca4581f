"""Refuse issuers that are the address of something else."""

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
