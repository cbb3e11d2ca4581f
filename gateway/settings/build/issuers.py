"""Build the issuers from their settings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.decision.policy import Issuer, Profile
from gateway.settings.build.checks import refuse_repeated
from gateway.settings.build.sections import Named
from gateway.settings.build.tls import build_fetch_ca
from gateway.settings.schema.issuers import KEY_SOURCES, IssuerModel
from gateway.settings.schema.routes import RequireModel
from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Document, Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import find_file
from gateway.settings.text.grants import Grant
from gateway.settings.text.variables import describe_unset
from gateway.settings.values.addresses import check_key_url, is_plain_http, leaves_unprotected
from gateway.settings.values.configuration import IssuerSettings, KeySource, KeyTimes, SourceKind
from gateway.tls.certificate import Authorities

_ASYMMETRIC_DEFAULT = frozenset({"RS256", "ES256", "EdDSA"})
_SECRET_DEFAULT = frozenset({"HS256"})

# RFC 7518 section 3.2: a key at least as long as the hash output, here in bytes.
_HASH_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}

# A public key as HMAC secret is the oldest JWT forgery (CVE-2022-29217, CVE-2024-33663):
# anyone who knows the public key could sign.
_KEY_MARKS = (b"-----BEGIN", b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-", b'"kty"', b"<RSA")
_MIN_DISTINCT_BYTES = 8  # RFC 8725 section 3.5: a secret is not a word or a repeated letter


def build_issuers(
    named: Sequence[Named[IssuerModel]],
    environ: Mapping[str, str],
    disk: Disk,
    faults: list[Fault],
) -> dict[str, IssuerSettings]:
    """Return the valid issuers by name."""
    built: dict[str, IssuerSettings] = {}
    owners: dict[str, str] = {}
    for one in named:
        _refuse_wrong_sources(one.part, faults)
        model = one.model
        if model is None:
            continue
        # Compared code point by code point, as `iss` is: `…/` and `…` are two issuers.
        owner = owners.setdefault(model.issuer, one.name)
        if owner != one.name:
            message = f"the issuer `{owner}` already has this `iss`"
            faults.append(one.part.child("issuer").fault(Code.DUPLICATE_ISSUER, message))
        algorithms = _algorithms(model, one.part, faults)
        source = _source(one, model, algorithms, environ, disk, faults)
        ca = _ca(one, model, disk, faults)
        _warn(model, one.part, faults)
        if source is not None:
            built[one.name] = _build(one.name, model, algorithms, replace(source, ca=ca))
    return built


def _refuse_wrong_sources(part: Part, faults: list[Fault]) -> None:
    if not isinstance(part.raw, dict):
        return
    present = [source for source in KEY_SOURCES if source in part.raw]
    if not present:
        message = f"a key source is missing: set one of {', '.join(KEY_SOURCES)}"
        faults.append(part.key_fault(Code.MISSING_KEY, message))
    for extra in present[1:]:
        message = f"`{extra}` and `{present[0]}`: an issuer has exactly one key source"
        faults.append(part.child(extra).key_fault(Code.CONFLICTING_KEYS, message))


def _algorithms(model: IssuerModel, part: Part, faults: list[Fault]) -> frozenset[str]:
    if model.algorithms is None:
        return _SECRET_DEFAULT if model.secret_env else _ASYMMETRIC_DEFAULT
    refuse_repeated(model.algorithms, part.child("algorithms"), faults)
    for index, name in enumerate(model.algorithms):
        item = part.child("algorithms").child(index)
        is_hmac = name.startswith("HS")
        # A list with both kinds lets a public key pass as an HMAC secret (RFC 8725 §3.1).
        if is_hmac and not model.secret_env:
            faults.append(item.fault(Code.BAD_VALUE, f"{name} needs the key source secret_env"))
        elif model.secret_env and not is_hmac:
            message = f"{name} cannot be verified with a secret: use HS256, HS384 or HS512"
            faults.append(item.fault(Code.BAD_VALUE, message))
    return frozenset(model.algorithms)


def _source(  # noqa: PLR0913, PLR0917 - where each kind of source is looked for
    one: Named[IssuerModel],
    model: IssuerModel,
    algorithms: frozenset[str],
    environ: Mapping[str, str],
    disk: Disk,
    faults: list[Fault],
) -> KeySource | None:
    part = one.part
    if model.discovery:
        return _url_source(SourceKind.DISCOVERY, model.issuer, part.child("issuer"), faults)
    if model.jwks_url is not None:
        return _url_source(SourceKind.JWKS_URL, model.jwks_url, part.child("jwks_url"), faults)
    for kind, name in (
        (SourceKind.JWKS_FILE, model.jwks_file),
        (SourceKind.PEM_FILE, model.pem_file),
    ):
        if name is None:
            continue
        path = find_file(name, one.directory, part.child(kind.value), disk, faults)
        return None if path is None else KeySource(kind, str(path))
    if model.secret_env is None:
        return None
    refused = part.document.refuse("read the environment", Grant.ENVIRONMENT)
    if refused is not None:
        faults.append(part.child("secret_env").fault(Code.NOT_GRANTED, refused))
        return None
    hmac = frozenset(name for name in algorithms if name.startswith("HS"))
    secret = read_secret(model.secret_env, hmac, environ)
    if isinstance(secret, bytes):
        return KeySource(SourceKind.SECRET, model.secret_env, secret)
    faults.append(part.child("secret_env").fault(*secret))
    return None


def _url_source(kind: SourceKind, url: str, part: Part, faults: list[Fault]) -> KeySource | None:
    problem = check_key_url(url)
    if problem is None and kind is SourceKind.DISCOVERY and "?" in url:
        problem = "an issuer with `discovery` must not have a query"  # RFC 8414 section 2
    if problem is None:
        return KeySource(kind, url)
    code = Code.INSECURE_URL if is_plain_http(url) else Code.BAD_VALUE
    faults.append(part.fault(code, problem))
    return None


def read_secret(
    variable: str, algorithms: frozenset[str], environ: Mapping[str, str]
) -> bytes | tuple[Code, str]:
    """Return the secret in *variable*, or the code and message of its fault."""
    text = environ.get(variable)
    if not text:
        return Code.UNSET_VARIABLE, describe_unset(variable)
    secret = text.encode("utf-8", "surrogateescape")
    if any(mark in secret for mark in _KEY_MARKS):
        return Code.WEAK_SECRET, f"{variable} holds a key of a key pair, not an HMAC secret"
    needed = max((_HASH_BYTES[name] for name in algorithms), default=0)
    if len(secret) < needed:
        strongest = max(algorithms)
        return Code.WEAK_SECRET, f"{strongest} needs a secret of at least {needed} bytes"
    if len(set(secret)) < _MIN_DISTINCT_BYTES:
        return Code.WEAK_SECRET, f"{variable} is easy to guess: use random bytes"
    return secret


def _ca(
    one: Named[IssuerModel], model: IssuerModel, disk: Disk, faults: list[Fault]
) -> Authorities | None:
    url = model.issuer if model.discovery else model.jwks_url
    return build_fetch_ca(model.tls, url, one.directory, one.part.child("tls"), disk, faults)


def _warn(model: IssuerModel, part: Part, faults: list[Fault]) -> None:
    if model.audiences == "unchecked":
        # RFC 8725 section 3.9: a token for another API of this issuer is accepted.
        message = "tokens that this issuer makes for other APIs are accepted too"
        faults.append(part.child("audiences").warning(Code.AUDIENCE_UNCHECKED, message))
    else:
        refuse_repeated(model.audiences, part.child("audiences"), faults)
    if model.mode == "report":
        message = "anyone can forge a token of this issuer, and so pass every route that accepts it"
        faults.append(part.child("mode").warning(Code.REPORT_ONLY, message))
    asked = {"issuer": bool(model.discovery), "jwks_url": True}
    for key, url in (("issuer", model.issuer), ("jwks_url", model.jwks_url or "")):
        is_refused = asked[key] and check_key_url(url) is not None
        if leaves_unprotected(url) and not is_refused:
            message = "plain http: anyone on the network path can change the response"
            faults.append(part.child(key).warning(Code.INSECURE_URL, message))


def _build(
    name: str, model: IssuerModel, algorithms: frozenset[str], source: KeySource
) -> IssuerSettings:
    audiences = None if isinstance(model.audiences, str) else frozenset(model.audiences)
    issuer = Issuer(
        name=name,
        issuer=model.issuer,
        audiences=audiences,
        algorithms=algorithms,
        profile=Profile(model.profile),
        leeway_seconds=model.leeway,
        reports=model.mode == "report",
    )
    keys = model.keys
    times = KeyTimes(keys.fresh, keys.stale, keys.fetch_timeout, keys.unknown_kid_cooldown)
    return IssuerSettings(issuer, source, times, model.required)


class IssuerReach:
    """Which routes each of *issuers* reaches beyond those that name it.

    An issuer in the main file reaches every route. One in an included file reaches the routes
    of that file, unless it was granted more: otherwise the author of a team's file could make
    tokens for every other team's routes.
    """

    def __init__(self, issuers: Sequence[Named[IssuerModel]]) -> None:
        self._all = frozenset(one.name for one in issuers)
        self._of_file: dict[Document, set[str]] = {}
        self._accepted: dict[Document, frozenset[str] | None] = {}  # by routes that name none
        common: set[str] = set()
        for one in issuers:
            document = one.part.document
            if document.may(Grant.ISSUERS_FOR_ALL):
                common.add(one.name)
            else:
                self._of_file.setdefault(document, set()).add(one.name)
        self._common = frozenset(common)
        self._are_granted = all(document.may(Grant.ISSUERS) for document in self._of_file)

    def accepted(self, require: RequireModel | None, document: Document) -> frozenset[str] | None:
        """Return the issuers that a route in *document* accepts; None means all issuers."""
        if require is None:
            return None
        if require.issuers is not None:
            return frozenset(require.issuers)
        return self.reaching(document)

    def reaching(self, document: Document) -> frozenset[str] | None:
        """Return the issuers that reach routes in *document* which name none; None means all."""
        if document not in self._accepted:
            found = self._common | self._of_file.get(document, set())
            self._accepted[document] = None if found == self._all else found
        return self._accepted[document]

    def refuse_none(self, part: Part, faults: list[Fault]) -> None:
        """Refuse the `require` in *part* if no issuer's tokens could satisfy it.

        Not if issuers lack a grant: with the grant, one of them may satisfy it.
        """
        if self._common or part.document in self._of_file or not self._are_granted:
            return
        message = "this route needs a token, but no issuer is configured"
        if self._all:
            first = min(self._all)
            message = (
                "this needs a token, but every issuer is of an included file, and serves only the"
                f" routes of that file: name one here, e.g. `issuers: [{first}]`, or include its"
                f" file with `may: [{Grant.ISSUERS_FOR_ALL}]`"
            )
        faults.append(part.key_fault(Code.MISSING_KEY, message))
