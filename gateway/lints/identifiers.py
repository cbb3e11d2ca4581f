"""Warn about issuers and other identifiers that are not those of real tokens."""

import re
from collections.abc import Iterator

from gateway.decision.routes.routing import Route
from gateway.settings.presets.traps import find_traps, is_for_everyone
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.text.scalars import shorten
from gateway.settings.values.configuration import Settings

_BARE_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?(?:/[\w./~-]*)?")
# The `iss` of Google without its scheme, in tokens until 2014 and some libraries still.
_BARE_AS_IT_IS = frozenset({"accounts.google.com"})

# The endpoints of RFC 6749 §3, as servers and vendors name them. Only the `iss` of WSO2 is one.
_ENDPOINT = re.compile(
    r"""
    (https?://[^/]+(?:/.*?)??)
    (?:
        (?:/oauth2?(?:/v[12](?:\.0)?)? | /v1 | /connect | /as | /protocol/openid-connect)?
        /(?:token|authorize)(?:\.oauth2)?
        | (?:/oauth2|/protocol/openid-connect)/auth
    )/?
    """,
    re.VERBOSE,
)

# Not the names of RFC 2606: they are in every example, and in tests.
_PLACEHOLDER = re.compile(
    r"""
    <[A-Za-z][A-Za-z0-9 ._-]*>
    | (?i: (?<![a-z0-9]) (?:change|replace)[-_ ]?(?:me|this) (?![a-z0-9]) )
    | (?<![A-Za-z0-9]) (?:TODO|FIXME|TBD) (?![A-Za-z0-9])
    | (?i: (?<![a-z0-9]) your[-_] [a-z]+ (?:[-_][a-z]+)* )
    | (?i: (?<![a-z0-9]) your (?:tenant|domain|org|company|app|api|client|realm|project|pool|host)
        [a-z]* )
    | (?i: (?<![a-z0-9]) x{4,} (?![a-z0-9]) )
    | (?i: (?<=://) (?:example|tenant|domain|company|dev-0+|dev-1234\d*) (?:\.[a-z]{2})?
        \.(?:auth0|okta|oktapreview)\.com )
    | 0{8}-0{4}-0{4}-0{4}-0{12}
    """,
    re.VERBOSE,
)
# Nobody writes a longer identifier; the search is bounded.
_MAX_CHARACTERS = 2000
# What identifies something outside: not names of the file itself, nor paths.
_SECTIONS = (
    "issuers",
    "upstreams",
    "resources",
    "login",
    "revocations",
    "identity",
    "introspection",
)


def find_suspect_issuers(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each `issuer` that hardly is the `iss` of a token."""
    for name, one in settings.issuers.items():
        text, part = one.issuer.issuer, places.issuer(name).child("issuer")
        if text != text.strip():
            message = "the spaces around it are compared, too: remove them"
        elif "*" in text:
            message = (
                "an `iss` is compared character by character, star included: write it as the tokens"
                " have it, one issuer for each; tenants are `{tenantid}` with `tenants`"
            )
        elif (base := _find_base(text)) is not None:
            message = "this is where clients get tokens, and hardly the `iss` of these"
            if not part.document.is_filled(part.path):
                right = f"write `issuer: {shorten(base)}`"
                message += f": {right}, with a slash at the end if the `iss` has one"
        elif _BARE_HOST.fullmatch(text) and text not in _BARE_AS_IT_IS:
            message = (
                "the `iss` of nearly all issuers is a URL, and is compared as a whole: write"
                f" `issuer: https://{shorten(text)}`, to the last slash as the tokens have it"
            )
        else:
            continue
        yield part.warning(Code.ISSUER_SUSPECT, message)


def _find_base(issuer: str) -> str | None:
    """Return what is before the endpoint that *issuer* is; None if nothing more is to be said."""
    found = _ENDPOINT.fullmatch(issuer)
    if found is None or any(trap.key == "issuer" for trap in find_traps(issuer, ())):
        return None
    return found[1]


def find_vendor_mismatches(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each setting that does not fit the tokens of its known vendor."""
    for name, one in settings.issuers.items():
        part = places.issuer(name)
        raw = part.child("audiences").raw
        audiences = [item for item in raw if isinstance(item, str)] if isinstance(raw, list) else []
        for trap in find_traps(one.issuer.issuer, audiences):
            at = part.child(trap.key)
            if trap.item is not None:
                at = at.child(trap.item)
            # What is to be written may have parts of values of the environment.
            message = (
                trap.why
                if part.document.is_filled(part.path)
                else f"{trap.why}: write {trap.write}"
            )
            yield at.warning(Code.VENDOR_MISMATCH, message)


def find_open_issuers(settings: Settings, places: Places) -> Iterator[Fault]:
    """Yield a warning for each issuer that gives anybody a token, if no rule says who may call.

    The audience of such a token is whatever its caller requested.
    """
    for name, one in settings.issuers.items():
        if one.issuer.claims or not is_for_everyone(one.issuer.issuer):
            continue
        routes = settings.policy.routes.routes
        lax = next((route for route in routes if _accepts_all_of(route, name)), None)
        if lax is not None:
            message = (
                f"anybody can get a token of this issuer for any audience, and `{lax.name}`"
                f" ({lax.place}) has no rule about the caller: write who may call, e.g."
                f" {_rule(one.issuer.issuer)}"
            )
            yield places.issuer(name).child("issuer").warning(Code.OPEN_ISSUER, message)


def _accepts_all_of(route: Route, issuer: str) -> bool:
    accepts = route.issuers is None or issuer in route.issuers
    return accepts and not route.public and not route.claims


def _rule(issuer: str) -> str:
    if "github" in issuer:
        return '`require: {claims: {repository_owner_id: {equals: "123456"}}}` in the issuer'
    return "`preset: google` with `accounts: [job@shop-4f2a1.iam.gserviceaccount.com]`"


def find_placeholders(places: Places) -> Iterator[Fault]:
    """Yield a warning for each text outside of routes that was to be replaced by a real one."""
    for document in places.documents:
        root = Part(document, (), document.root)
        seen = set()
        for section in _SECTIONS:
            for part, text in _texts(root.child(section)):
                found = _PLACEHOLDER.search(text[:_MAX_CHARACTERS])
                place = document.value_place(part.path)
                if found is None or place in seen:
                    continue
                seen.add(place)  # a preset has all of its settings at one place
                shown = "…" if document.is_filled(part.path) else shorten(found[0])
                message = f"`{shown}` looks like a placeholder: write the real value"
                yield part.warning(Code.PLACEHOLDER_LEFT, message)


def _texts(part: Part) -> Iterator[tuple[Part, str]]:
    raw = part.raw
    if isinstance(raw, str):
        yield part, raw
    elif isinstance(raw, dict):
        for key in raw:
            yield from _texts(part.child(key))
    elif isinstance(raw, list):
        for index in range(len(raw)):
            yield from _texts(part.child(index))
