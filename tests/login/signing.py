"""An issuer's signatures, made by joserfc: another implementation than the one under test."""

import json
from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from gateway.decision.keys import KeySet
from gateway.decision.verdict import WantedKey
from tests.tokens import as_key, make_private

KEY = make_private("ES256", 7)
OTHER_KEY = make_private("ES256", 8)
PUBLIC_JWK = {**ECKey.import_key(KEY.public_key()).as_dict(), "kid": "k7", "alg": "ES256"}
KEYS = KeySet((as_key(KEY, "k7", frozenset({"ES256"})),))


def sign(claims: dict[str, Any], typ: str | None = "JWT", key: Any = KEY, kid: str = "k7") -> str:
    """Return *claims* signed with ES256; a claim that is ``...`` is left out."""
    header = {"alg": "ES256", "kid": kid} | ({} if typ is None else {"typ": typ})
    present = {name: value for name, value in claims.items() if value is not ...}
    return jws.serialize_compact(header, json.dumps(present), ECKey.import_key(key))


class Keyring:
    """Keys that are loaded when they are fetched for the first time, if *fetched* has them."""

    def __init__(self, loaded: KeySet | None = KEYS, fetched: KeySet | None = None) -> None:
        self._keys = {} if loaded is None else {"main": loaded}
        self.keys: Mapping[str, KeySet] = self._keys
        self.fetched = fetched
        self.asked: list[str | None] = []

    async def refetch(self, issuer_name: str, kid: str | None) -> None:
        assert issuer_name == "main"
        self.asked.append(kid)
        if self.fetched is not None:
            self.put("main", self.fetched)

    def take(self, issuer_name: str) -> None:
        del self._keys[issuer_name]

    def put(self, issuer_name: str, keys: KeySet) -> None:
        self._keys[issuer_name] = keys

    def explain(self, wanted: WantedKey) -> str:
        raise NotImplementedError(wanted.issuer_name)
