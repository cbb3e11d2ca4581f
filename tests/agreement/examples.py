"""For each ground of a refusal, tokens with nothing else about them that anybody minds."""

import json
from collections.abc import Mapping
from typing import Any

from tests.agreement.generated import MOMENT, Case, seal
from tests.agreement.judges import LEEWAY
from tests.agreement.trust import PUBLISHED_SET, TWINS, Signer, trust_in
from tests.decision.policies import AUDIENCE, ISSUER
from tests.tokens import b64, make_private, sign_octets

_TRUST = trust_in("ES256")
_SIGNER = _TRUST.signers[0]
_HEADER = {"alg": "ES256", "kid": "k1", "typ": "JWT"}
_CLAIMS: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "exp": MOMENT + 300, "sub": "alice"}
_TEXT = json.dumps(_CLAIMS)


def _headed(**members: Any) -> Case:
    return Case(_TRUST, seal(_SIGNER, {**_HEADER, **members}, _CLAIMS))


def _claiming(**members: Any) -> Case:
    return Case(_TRUST, seal(_SIGNER, _HEADER, {**_CLAIMS, **members}))


def _spelt(claims: str, encoding: str = "utf-8") -> Case:
    return Case(_TRUST, seal(_SIGNER, _HEADER, claims.encode(encoding, "surrogatepass")))


def _with(member: str) -> Case:
    return _spelt(_TEXT[:-1] + "," + member + "}")


def _padded() -> Case:
    token = seal(_SIGNER, _HEADER, _CLAIMS)
    return Case(_TRUST, token + b"=" * (-len(token.rpartition(b".")[2]) % 4))


def _unencoded() -> Case:
    """Leave the payload as it is (RFC 7797), its dots in escapes."""
    header = {**_HEADER, "b64": False, "crit": ["b64"]}
    text = b64(json.dumps(header).encode()) + b"." + _TEXT.replace(".", "\\u002e").encode()
    return Case(_TRUST, text + b"." + b64(sign_octets(_SIGNER.private, "ES256", text)))


def _published(kid: str | None, algorithm: str, private: Any) -> Case:
    header = {"alg": algorithm} if kid is None else {"alg": algorithm, "kid": kid}
    return Case(PUBLISHED_SET, seal(Signer(private, algorithm, kid), header, _CLAIMS))


def _of_ed25519() -> Case:
    trust = trust_in("Ed25519")
    return Case(trust, seal(trust.signers[0], {"alg": "Ed25519"}, _CLAIMS))


_NULLS = tuple(_claiming(**{name: None}) for name in ("nbf", "iat", "sub", "jti"))

_SECOND = _published(TWINS, "ES256", make_private("ES256", 2))

EXAMPLES: Mapping[tuple[str, str], tuple[Case, ...]] = {
    ("gateway", "padding"): (_padded(),),
    ("gateway", "length"): (_claiming(roles=["x" * 6_200]),),
    ("gateway", "encoding"): (
        _spelt(_TEXT, "utf-8-sig"),
        _spelt(_TEXT, "utf-16"),
        _spelt(_TEXT, "utf-16-le"),
        _spelt(_TEXT, "utf-32-be"),
        _with('"x":"\ud800"'),  # not an escape: three octets that are not UTF-8
    ),
    ("gateway", "repeated name"): (
        _with('"sub":"mallory"'),
        _with('"\\u0073ub":"mallory"'),
        _with('"act":{"sub":"a","sub":"b"}'),
    ),
    ("gateway", "constant"): (_with('"x":NaN'), _with('"x":[-Infinity]')),
    ("gateway", "overflow"): (_with('"x":1e400'), _with('"x":-1e400')),
    ("gateway", "lone surrogate"): (_with('"x":"\\ud800"'), _with('"\\udfff":1')),
    ("gateway", "nesting"): (_with('"x":' + "[" * 32 + "]" * 32),),
    ("gateway", "extension"): (
        _headed(b64=True),
        _headed(b64=True, crit=["b64"]),
        _headed(crit=[]),
        _headed(crit=["kid"]),
        _headed(b64="x"),
        _unencoded(),
    ),
    ("gateway", "type"): (_headed(typ="dpop+jwt"), _headed(typ=None), _headed(typ="")),
    ("gateway", "kind"): (
        _claiming(nonce="n"),
        _claiming(events={}),
        _claiming(at_hash=None),
        _claiming(token_use="id"),
        _claiming(typ="ID"),
        _claiming(azp="orders-api"),
    ),
    ("gateway", "long key id"): (_headed(kid="k" * 1025),),
    ("gateway", "time as text"): (
        _claiming(exp=str(MOMENT + 300)),
        _claiming(nbf="0"),
        _claiming(iat=True),
    ),
    ("gateway", "time out of range"): (
        _claiming(exp=2**53),
        _claiming(iat=-1),
        _claiming(nbf=-0.5),
    ),
    ("gateway", "begins within this second"): (
        _claiming(nbf=MOMENT + LEEWAY + 0.5),
        _claiming(iat=MOMENT + LEEWAY + 0.001),
    ),
    ("gateway", "empty subject"): (_claiming(sub=""),),
    ("gateway", "client id"): (_claiming(client_id=7), _claiming(client_id=[None])),
    ("gateway", "scope"): (_claiming(scope=7), _claiming(scp=["a b"]), _claiming(scope=[None])),
    ("pyjwt", "null"): _NULLS,
    ("joserfc", "null"): _NULLS,
    ("pyjwt", "second of its name"): (_SECOND,),
    ("joserfc", "second of its name"): (_SECOND,),
    ("joserfc", "no name among several"): (
        _published(None, "ES256", make_private("ES256", 2)),
        _published(None, "EdDSA", make_private("Ed448")),
    ),
    ("pyjwt", "Ed25519"): (_of_ed25519(),),
    ("pyjwt", "ends within this second"): (_claiming(exp=MOMENT - LEEWAY + 0.5),),
    ("pyjwt", "first of its name"): (
        _published("shared", "ES384", make_private("ES384")),
        _published(None, "RS256", make_private("RSA")),
    ),
    ("joserfc", "long header"): (_headed(x="y" * 400),),
    ("joserfc", "unused member"): (
        _headed(jku="file:///etc/passwd"),
        _headed(x5u=None),
        _headed(jwk="x"),
        _headed(x5c="x"),
        _headed(x5t=1),
        _headed(**{"x5t#S256": None}),
        _headed(cty=[]),
    ),
}
