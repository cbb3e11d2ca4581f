"""The names of all attacks, for waivers and the documentation."""

from collections.abc import Mapping
from types import MappingProxyType

NOT_ATTACKED, REPORT_MODE = "not-attacked", "report-mode"

_TOKENS = {
    "alg-none": "`alg` is `none` in every spelling, with and without a signature.",
    "alg-absent": "`alg` is missing or not a string.",
    "hmac-with-public-key": "The issuer's public key, in every encoding, as an HMAC secret.",
    "hmac-guessed-secret": "An HMAC with a commonly guessed secret.",
    "strange-key": "Signed by an unknown key, with the `kid` of the issuer's key or none.",
    "kid-trick": "Signed by an unknown key; `kid` is a path, a URL, SQL, empty or unknown.",
    "kid-odd": "Signed by an unknown key; `kid` is not a string, or very long.",
    "embedded-jwk": "Signed by an unknown key, which is embedded in the header.",
    "embedded-jwk-set": "Signed by an unknown key, whose key set is embedded in the header.",
    "jku": "Signed by an unknown key; the header links to its key set.",
    "jku-near": "The same, with a URL that looks like the issuer's.",
    "x5u": "Signed by an unknown key; the header links to its certificate.",
    "x5c": "Signed by an unknown key, whose certificate is embedded in the header.",
    "key-of-another-issuer": "Signed by another configured issuer, with the `iss` of this one.",
    "algorithm-not-allowed": "Signed by the issuer with an algorithm that is not allowed.",
    "algorithm-swapped": "The header names a different algorithm than the one that signed.",
    "truncated": "Parts of the token are cut off.",
    "signature-stripped": "The signature is empty.",
    "signature-of-another": "The signature belongs to another token or to empty input.",
    "payload-changed": "The claims were changed after signing.",
    "header-changed": "The header was changed after signing.",
    "re-encoded": "Padding, the standard base64 alphabet, stray bits, white space.",
    "crit": "`crit` names an unknown extension.",
    "b64-false": "An unencoded payload (RFC 7797).",
    "duplicate-claim": "A claim occurs twice.",
    "duplicate-header": "A header member occurs twice.",
    "odd-json": "JSON that only some parsers accept.",
    "json-serialisation": "A good token in the JSON serialization.",
    "five-parts": "An encrypted token.",
    "dots": "4,000 dots.",
}

_CLAIMS = {
    "wrong-issuer": "`iss` is wrong or almost right.",
    "wrong-trust-domain": "`sub` of a JWT-SVID is not a SPIFFE ID in the trust domain.",
    "wrong-tenant": "A tenant that is not accepted, or another one in `iss` than in its claim.",
    "expired": "The token has expired, just now or long ago.",
    "not-yet-valid": "`nbf` is in the future.",
    "from-the-future": "`iat` is in the future.",
    "no-end": "`exp` is missing.",
    "odd-time": "A time claim is not a number.",
    "wrong-audience": "`aud` is wrong or almost right.",
    "no-audience": "`aud` is missing.",
    "audience-of-another-route": "An audience of the issuer that the route does not accept.",
    "id-token": "An ID token.",
    "logout-token": "A logout token.",
    "security-event": "A security event.",
    "introspection": "A signed introspection response.",
    "other-type": "Another `typ`.",
    "claim-absent": "A claim that RFC 9068 requires is missing.",
    "scope-missing": "Each required scope is missing, one at a time.",
    "scope-forbidden": "A forbidden scope is present.",
    "scope-near": "A scope in capitals, shortened, extended, or with a comma.",
    "scope-joined": "Scopes joined by something other than a space.",
    "scope-elsewhere": "Scopes in a claim that does not grant any.",
    "scope-odd": "Scopes that are neither a string nor a list.",
    "claim-near-miss": "Each claim rule is narrowly missed, in a dozen ways.",
    "path-of-another": "The path belongs to someone else: a variable differs from its claim.",
    "step-up-weaker": "`acr` has another value.",
    "step-up-older": "`auth_time` is too old.",
    "revoked": "The token is on a revocation list.",
    "issuer-not-accepted": "A good token of an issuer that the route does not accept.",
}

_REQUESTS = {
    "no-token": "No token.",
    "token-elsewhere": "The token in a cookie, or in another header.",
    "token-in-query": "The token in the query.",
    "token-in-body": "The token in a form body.",
    "other-scheme": "The token under another scheme.",
    "broken-scheme": "`Bearer` with no token or with more than one.",
    "two-credentials": "Two Authorization headers, in both orders.",
    "joined-credentials": "Two credentials in one Authorization header.",
    "spoofed-identity": "Identity headers, in every spelling, beside a good token.",
    "connection-identity": "`Connection` names the identity headers.",
    "identity-without-token": "Identity headers, in every spelling, and no token.",
    "identity-on-public": "Identity headers, in every spelling, on a public route.",
    "second-token": "The second token missing, expired, repeated, swapped, or the first one again.",
    "host-spelling": "The host in capitals, with a trailing dot, with a port.",
    "host-replaced": "A wrong host or an almost right one.",
    "host-override": "Another host, and headers that name the right one.",
    "override-header": "A more open route, and headers that ask for this URL or method.",
}

_HTTP_2 = {
    "h2-pseudo-fields": "Pseudo-fields twice, missing, unknown or late.",
    "h2-authority": "`:authority` and `Host` differ, or one holds more than a host.",
    "h2-path": "`:path` is no path, or holds a line end, a fragment or a whole request.",
    "h2-method": "`:method` in lower case, or with more of a request line.",
    "h2-scheme": "`:scheme` is neither `http` nor `https`, or holds a URL.",
    "h2-line-in-field": "A field that would be several lines in HTTP/1.1, or none.",
    "h2-upper-case": "A field name in upper case.",
    "h2-connection-field": "A field about a connection of HTTP/1.1.",
    "h2-length": "A `Content-Length` that is wrong.",
    "h2-token": "No token, or two of them.",
    "h2-split-cookies": "A cookie in each field, which the service must get in one.",
    "h2-identity": "Identity headers, beside a good token and on public routes.",
}

_SESSIONS = {
    "session-forged": "As a page of another origin can make a browser send it.",
    "session-forged-socket": "A WebSocket handshake of a page of another origin.",
    "session-other-host": "On a host that is no origin of the login.",
    "session-of-another-login": "With the session of a login that the route does not name.",
    "session-missing": "With a cookie that stands for no session.",
    "session-beside-token": "Beside an Authorization header that holds no good token.",
    "session-expired": "With a session whose token has expired.",
    "session-leaked": "With the gateway's own cookies, in every spelling, which no service sees.",
}

_PATHS = {
    "path-trailing-slash": "A slash added after the path, or removed.",
    "path-trailing-dot": "A dot after the path.",
    "path-trailing-space": "A space after the path.",
    "path-trailing-tab": "A tab after the path.",
    "path-trailing-nul": "A NUL after the path.",
    "path-trailing-line-end": "A line end after the path.",
    "path-trailing-parameter": "A semicolon after the path.",
    "path-trailing-backslash": "A backslash after the path.",
    "path-trailing-dot-segment": "A dot segment after the path.",
    "path-suffix": "A file extension after the path.",
    "path-fragment": "A fragment.",
    "path-encoded-query": "An encoded question mark.",
    "path-dot-segments": "Dot segments, plain and encoded, also starting in a more open route.",
    "path-encoded-slash": "Encoded slashes.",
    "path-double-encoding": "Double percent-encoding.",
    "path-overlong-encoding": "Letters and dots in overlong UTF-8.",
    "path-encoded-letter": "A percent-encoded letter.",
    "path-double-slash": "Two slashes.",
    "path-backslash": "Backslashes.",
    "path-semicolon": "Semicolons.",
    "path-nul": "A NUL inside the path.",
    "path-tab": "A tab inside the path.",
    "path-no-slash": "A path that does not begin with a slash.",
    "path-other-case": "Words of the path in capitals.",
    "path-absolute-form": "A target in absolute form.",
    "path-method-in-lower-case": "The method in lower case.",
    "path-open-path-in-query": "The path of a more open route in the query.",
}

_WHOLE_ROUTES = {
    NOT_ATTACKED: "No request was found that the route allows, so nothing could be tried.",
    REPORT_MODE: "The route or an issuer is in report mode, so attacks pass by design.",
}

NAMES: Mapping[str, str] = MappingProxyType(
    {**_TOKENS, **_CLAIMS, **_REQUESTS, **_HTTP_2, **_SESSIONS, **_PATHS, **_WHOLE_ROUTES}
)
