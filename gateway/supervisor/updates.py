"""Publish to workers the keys, lists and tokens of a configuration, and ends of its sessions."""

import pickle
import time
from collections.abc import Callable, Iterator

from gateway.decision.revocation import RevocationList
from gateway.fetched import Fetched
from gateway.supervisor.messages import (
    KeysUpdate,
    ListUpdate,
    ServiceTokenUpdate,
    SessionsEnded,
)
from gateway.supervisor.portable_keys import pack_keys

Update = KeysUpdate | ListUpdate | SessionsEnded | ServiceTokenUpdate


class UpdateSource:
    """The updates of *fetched*, which belongs to the configuration *number*."""

    def __init__(self, number: int, fetched: Fetched) -> None:
        self.number = number
        self.fetched = fetched

    def all(self) -> Iterator[Update]:
        """Yield an update for everything as it is now."""
        for issuer in self.fetched.keyring.status():
            yield self._keys(issuer.name)
        for one in self.fetched.revocations.status():
            yield self._list(one.name)
        if self.fetched.service_tokens is not None:
            for token in self.fetched.service_tokens.status():
                yield self._service_token(token.name)

    def follow(self, publish: Callable[[Update], None]) -> None:
        """Call *publish* with every change from now on."""
        last: dict[str, RevocationList | None] = dict(self.fetched.revocations.lists)

        def publish_keys(name: str) -> None:
            publish(self._keys(name))

        def publish_list(name: str) -> None:
            listed = self.fetched.revocations.lists.get(name)
            if listed is not last.get(name):  # an unchanged one may be large
                last[name] = listed
                publish(self._list(name))

        self.fetched.keyring.subscribe(publish_keys)
        self.fetched.revocations.subscribe(publish_list)
        if self.fetched.logins is not None:
            self.fetched.logins.subscribe(lambda ids: publish(SessionsEnded(self.number, ids)))
        if self.fetched.service_tokens is not None:
            self.fetched.service_tokens.subscribe(lambda name: publish(self._service_token(name)))

    def _keys(self, name: str) -> KeysUpdate:
        keys = self.fetched.keyring.keys.get(name)
        status = self.fetched.keyring.status_of(name)
        age_seconds = status.age_seconds
        return KeysUpdate(
            self.number,
            name,
            None if keys is None else pack_keys(keys),
            None if age_seconds is None else time.monotonic() - age_seconds,
            status.last_error,
        )

    def _service_token(self, name: str) -> ServiceTokenUpdate:
        tokens = self.fetched.service_tokens
        return ServiceTokenUpdate(self.number, name, tokens.held.get(name) if tokens else None)

    def _list(self, name: str) -> ListUpdate:
        listed = self.fetched.revocations.lists.get(name)
        octets = None if listed is None else pickle.dumps(listed, pickle.HIGHEST_PROTOCOL)
        return ListUpdate(self.number, name, octets)
