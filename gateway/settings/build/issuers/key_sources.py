"""Find where the keys of an issuer are."""

import re
from collections.abc import Mapping
from dataclasses import replace

from gateway.settings.build.issuers.proxies import build_proxy
from gateway.settings.build.issuers.spiffe import is_spiffe
from gateway.settings.build.secrets import Outside
from gateway.settings.build.sections import Named
from gateway.settings.build.tls import build_fetch_ca
from gateway.settings.schema.issuers.issuer import KEY_SOURCES, REMOTE_SOURCES, IssuerModel
from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import find_file
from gateway.settings.values.addresses import check_key_url, is_plain_http
from gateway.settings.values.configuration import KeySource, Proxy, SourceKind
from gateway.tls.certificate import Authorities

# RFC 7518 section 3.2: a key at least as long as the hash output, here in bytes.
_HASH_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}

# A public key as HMAC secret is the oldest JWT forgery (CVE-2022-29217, CVE-2024-33663):
# anyone who knows the public key could sign.
_KEY_MARKS = (b"-----BEGIN", b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-", b'"kty"', b"<RSA")
# Their metadata are where the `iss` says.
_AT_ISSUER = frozenset({SourceKind.DISCOVERY, SourceKind.INTROSPECTION})

_BARE_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?(/[\w./~-]*)?")

_MIN_DISTINCT_BYTES = 8  # RFC 8725 section 3.5: a secret is not a word or a repeated letter


def refuse_wrong_sources(part: Part, faults: list[Fault]) -> None:
    """Refuse an issuer with no key source, or with more than one."""
    if not isinstance(part.raw, dict):
        return
    present = [source for source in KEY_SOURCES if source in part.raw]
    if not present:
        message = f"a key source is missing: set one of {', '.join(KEY_SOURCES)}"
        faults.append(part.key_fault(Code.MISSING_KEY, message))
    for extra in present[1:]:
        message = f"`{extra}` and `{present[0]}`: an issuer has exactly one key source"
        faults.append(part.child(extra).key_fault(Code.CONFLICTING_KEYS, message))


def build_key_source(  # noqa: PLR0913, PLR0917 - where each kind of source is looked for
    one: Named[IssuerModel],
    model: IssuerModel,
    algorithms: frozenset[str],
    environ: Mapping[str, str],
    disk: Disk,
    faults: list[Fault],
    proxy: Proxy | None,
) -> KeySource | None:
    """Return where the keys of an issuer are, for its *algorithms*; None if that is faulty.

    *proxy* is for issuers that name none.
    """
    source = _source(one, model, algorithms, environ, disk, faults)
    ca = _ca(one, model, disk, faults)
    _refuse_for_local(one.part, faults)
    if model.proxy is not None or model.proxy_file is not None:
        outside = Outside(environ, one.directory, disk)
        proxy = build_proxy(one.part, outside, faults, covers_loopback=True)
    if source is None:
        return None
    return replace(source, ca=ca, proxy=proxy, is_insecure=model.insecure)


def _refuse_for_local(part: Part, faults: list[Fault]) -> None:
    """Refuse `proxy` and `insecure` where they mean nothing, or are not this file's to say."""
    raw = part.raw if isinstance(part.raw, dict) else {}
    for key in ("proxy", "proxy_file", "insecure"):
        if not raw.get(key):
            continue
        if part.document.include is not None:
            # It would make the gateway call services that only it can reach.
            message = f"`{key}` belongs in the main file: move this issuer there"
            faults.append(part.child(key).key_fault(Code.NOT_GRANTED, message))
        elif raw.keys().isdisjoint(REMOTE_SOURCES):
            message = f"nothing is fetched for this issuer: remove `{key}`"
            faults.append(part.child(key).key_fault(Code.CONFLICTING_KEYS, message))


def _source(  # noqa: PLR0913, PLR0917 - where each kind of source is looked for
    one: Named[IssuerModel],
    model: IssuerModel,
    algorithms: frozenset[str],
    environ: Mapping[str, str],
    disk: Disk,
    faults: list[Fault],
) -> KeySource | None:
    part = one.part
    for kind, url, key in (
        (SourceKind.DISCOVERY, model.issuer if model.discovery else None, "issuer"),
        (SourceKind.DISCOVERY_URL, model.discovery_url, "discovery_url"),
        (SourceKind.JWKS_URL, model.jwks_url, "jwks_url"),
    ):
        if url is not None:
            return _url_source(kind, url, model.insecure, part.child(key), faults)
    if model.introspection is not None:
        return _introspection_source(model, part, faults)
    for kind, name in (
        (SourceKind.JWKS_FILE, model.jwks_file),
        (SourceKind.PEM_FILE, model.pem_file),
    ):
        if name is None:
            continue
        path = find_file(name, one.directory, part.child(kind.value), disk, faults)
        return None if path is None else KeySource(kind, str(path))
    hmac = frozenset(name for name in algorithms if name.startswith("HS"))
    return _secret_source(part, Outside(environ, one.directory, disk), hmac, faults)


def _secret_source(
    part: Part, outside: Outside, algorithms: frozenset[str], faults: list[Fault]
) -> KeySource | None:
    found = outside.read(part, "secret", faults)
    if found is None:
        return None
    at, text = found
    kind, secret = SourceKind(at.path[-1]), text.encode("utf-8", "surrogateescape")
    problem = judge_secret(secret, algorithms)
    if problem is not None:
        faults.append(at.fault(Code.WEAK_SECRET, problem))
        return None
    is_file = kind is SourceKind.SECRET_FILE
    location = str((outside.directory / str(at.raw)).absolute()) if is_file else str(at.raw)
    return KeySource(kind, location, secret)


def _introspection_source(model: IssuerModel, part: Part, faults: list[Fault]) -> KeySource | None:
    """Return where the metadata are, which say where to ask, and have keys for signed answers."""
    asked = model.introspection
    if asked is not None and asked.url is not None and asked.response == "json":
        return KeySource(SourceKind.INTROSPECTION, asked.url)
    kind, at = SourceKind.INTROSPECTION, part.child("issuer")
    return _url_source(kind, model.issuer, model.insecure, at, faults)


def _url_source(
    kind: SourceKind, url: str, is_insecure: bool, part: Part, faults: list[Fault]
) -> KeySource | None:
    problem = check_key_url(url, is_insecure=is_insecure)
    if kind in _AT_ISSUER and _BARE_HOST.fullmatch(url):
        problem = f"metadata are at a URL: write `issuer: https://{url}`, as in the `iss` of tokens"
    elif kind in _AT_ISSUER and is_spiffe(url):
        return None  # reported where trust domains are checked
    elif problem is None and kind in _AT_ISSUER and "?" in url:
        problem = f"an issuer with `{kind.value}` must not have a query"  # RFC 8414 section 2
    if problem is None:
        return KeySource(kind, url)
    code = Code.INSECURE_URL if is_plain_http(url) else Code.BAD_VALUE
    if code is Code.INSECURE_URL and not is_insecure:
        problem += "; or set `insecure: true` if it is in a network that you trust"
    faults.append(part.fault(code, problem))
    return None


def judge_secret(secret: bytes, algorithms: frozenset[str]) -> str | None:
    """Return why *secret* is too weak for the HMAC *algorithms*, or None."""
    if any(mark in secret for mark in _KEY_MARKS):
        return "this is a key of a key pair, not an HMAC secret"
    needed = max((_HASH_BYTES[name] for name in algorithms), default=0)
    if len(secret) < needed:
        return f"{max(algorithms)} needs a secret of at least {needed} bytes"
    if len(set(secret)) < _MIN_DISTINCT_BYTES:
        return "this secret is easy to guess: use random bytes"
    return None


def _ca(
    one: Named[IssuerModel], model: IssuerModel, disk: Disk, faults: list[Fault]
) -> Authorities | None:
    url = model.discovery_url or model.jwks_url
    if model.discovery or model.introspection:
        url = (model.introspection and model.introspection.url) or model.issuer
    return build_fetch_ca(model.tls, url, one.directory, one.part.child("tls"), disk, faults)
