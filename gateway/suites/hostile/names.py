"""The names of all attacks, as waivers and the documentation say them."""

from collections.abc import Mapping
from types import MappingProxyType

NOT_ATTACKED, REPORT_MODE = "not-attacked", "report-mode"

_TOKENS = {
    "alg-none": "`alg` is none, in every spelling, with and without a signature.",
    "alg-absent": "`alg` is not there, or is no text.",
    "hmac-with-public-key": "The issuer's public key, in every form, is the secret of an HMAC.",
    "hmac-guessed-secret": "An HMAC with a secret that anybody would try.",
    "strange-key": "Signed by a stranger, under the name of the issuer's key, or none.",
    "kid-trick": "Signed by a stranger; `kid` is a path, a URL, SQL, empty, unknown.",
    "kid-odd": "Signed by a stranger; `kid` is no text, or very long.",
    "embedded-jwk": "Signed by a stranger, whose key is in the header.",
    "embedded-jwk-set": "Signed by a stranger, whose key set is in the header.",
    "jku": "Signed by a stranger, whose key set the header names.",
    "jku-near": "The same, at an address that looks like the issuer's.",
    "x5u": "Signed by a stranger, whose certificate the header names.",
    "x5c": "Signed by a stranger, whose certificate is in the header.",
    "key-of-another-issuer": "Another issuer of the configuration signed in the name of this one.",
    "algorithm-not-allowed": "The issuer signed, by an algorithm that is not allowed.",
    "algorithm-swapped": "The header names another algorithm than the signature is of.",
    "truncated": "Parts of the token are cut off.",
    "signature-stripped": "The signature is empty.",
    "signature-of-another": "The signature is that of another token, or of nothing.",
    "payload-changed": "Other claims than were signed.",
    "header-changed": "Another header than was signed.",
    "re-encoded": "Padding, the standard alphabet, stray bits, white space.",
    "crit": "An extension that is critical, and unknown.",
    "b64-false": "A payload that is not encoded (RFC 7797).",
    "duplicate-claim": "A claim stands twice.",
    "duplicate-header": "A member of the header stands twice.",
    "odd-json": "JSON that only some parsers read.",
    "json-serialisation": "The JSON serialisation of a good token.",
    "five-parts": "An encrypted token.",
    "dots": "4,000 dots.",
}

_CLAIMS = {
    "wrong-issuer": "`iss` is another one, or almost the right one.",
    "expired": "The token is over, since this moment or longer.",
    "not-yet-valid": "`nbf` is in the future.",
    "from-the-future": "`iat` is in the future.",
    "no-end": "`exp` is absent.",
    "odd-time": "A time that is no number.",
    "wrong-audience": "`aud` is another one, or almost the right one.",
    "no-audience": "`aud` is absent.",
    "audience-of-another-route": "An audience of the issuer that is none of the route.",
    "id-token": "An ID token.",
    "logout-token": "A logout token.",
    "security-event": "A security event.",
    "introspection": "An answer of introspection.",
    "other-type": "Another `typ`.",
    "claim-absent": "A claim is absent that RFC 9068 asks for.",
    "scope-missing": "Each scope is missing in its turn.",
    "scope-forbidden": "A scope is there that must not be.",
    "scope-near": "A scope in capitals, cut, prolonged, with a comma.",
    "scope-joined": "Scopes joined by something else than a space.",
    "scope-elsewhere": "Scopes in a claim where none is granted.",
    "scope-odd": "Scopes in another type than text or list.",
    "claim-near-miss": "Each claim test is just missed, in a dozen ways.",
    "path-of-another": "The path is somebody else's: a variable is not what the claim says.",
    "step-up-weaker": "`acr` is another one.",
    "step-up-older": "`auth_time` is too long ago.",
    "revoked": "The token is on a revocation list.",
    "issuer-not-accepted": "A good token of an issuer that the route does not accept.",
}

_REQUESTS = {
    "no-token": "No token at all.",
    "token-elsewhere": "The token in a cookie, or in another header.",
    "token-in-query": "The token in the query.",
    "token-in-body": "The token in a form.",
    "other-scheme": "The token under another scheme.",
    "broken-scheme": "`Bearer` and no token, or more than one.",
    "two-credentials": "Two Authorization headers, in both orders.",
    "joined-credentials": "Two credentials in one Authorization header.",
    "spoofed-identity": "Identity headers, in every spelling, beside a good token.",
    "connection-identity": "`Connection` names the identity headers.",
    "identity-without-token": "Identity headers, in every spelling, and no token.",
    "identity-on-public": "Identity headers, in every spelling, on a public route.",
    "host-spelling": "The host in capitals, with a dot, with a port.",
    "host-replaced": "Another host, or almost the right one.",
    "host-override": "Another host, and headers that name the right one.",
    "override-header": "A more open route, and headers that ask for this URL or method.",
}

_PATHS = {
    "path-trailing-slash": "A slash behind the path, or none where there is one.",
    "path-trailing-dot": "A dot behind the path.",
    "path-trailing-space": "A space behind the path.",
    "path-trailing-tab": "A tab behind the path.",
    "path-trailing-nul": "A NUL behind the path.",
    "path-trailing-line-end": "A line end behind the path.",
    "path-trailing-parameter": "A semicolon behind the path.",
    "path-trailing-backslash": "A backslash behind the path.",
    "path-trailing-dot-segment": "A dot segment behind the path.",
    "path-suffix": "A file name's ending behind the path.",
    "path-fragment": "A fragment.",
    "path-encoded-query": "An encoded question mark.",
    "path-dot-segments": "Dot segments, also encoded, also out of a more open route.",
    "path-encoded-slash": "Encoded slashes.",
    "path-double-encoding": "What is encoded twice.",
    "path-overlong-encoding": "Letters and dots in overlong UTF-8.",
    "path-encoded-letter": "A letter that is encoded.",
    "path-double-slash": "Two slashes.",
    "path-backslash": "Backslashes.",
    "path-semicolon": "Semicolons.",
    "path-nul": "A NUL inside of the path.",
    "path-tab": "A tab inside of the path.",
    "path-no-slash": "A path that begins with no slash.",
    "path-other-case": "Words of the path in capitals.",
    "path-absolute-form": "A target in absolute form.",
    "path-method-in-lower-case": "The method in lower case.",
    "path-open-path-in-query": "The path of a more open route in the query.",
}

_WHOLE_ROUTES = {
    NOT_ATTACKED: "No request was found that the route allows, so that nothing could be tried.",
    REPORT_MODE: "The route, or an issuer, only reports; so attacks are let through by design.",
}

NAMES: Mapping[str, str] = MappingProxyType(
    {**_TOKENS, **_CLAIMS, **_REQUESTS, **_PATHS, **_WHOLE_ROUTES}
)
