"""Tell workers what was fetched for a configuration, now and whenever it changes."""

import pickle
import time
from collections.abc import Callable, Iterator

from gateway.decision.revocation import RevocationList
from gateway.fetched import Fetched
from gateway.supervisor.messages import KeysNews, ListNews
from gateway.supervisor.portable_keys import pack_keys

News = KeysNews | ListNews


class NewsOf:
    """What there is to tell of *fetched*, under the *number* of its configuration."""

    def __init__(self, number: int, fetched: Fetched) -> None:
        self.number = number
        self.fetched = fetched

    def all(self) -> Iterator[News]:
        """Yield how everything stands now."""
        for issuer in self.fetched.keyring.status():
            yield self._keys(issuer.name)
        for one in self.fetched.revocations.status():
            yield self._list(one.name)

    def follow(self, tell: Callable[[News], None]) -> None:
        """Have *tell* called with what changes from now on."""
        last: dict[str, RevocationList | None] = dict(self.fetched.revocations.lists)

        def tell_keys(name: str) -> None:
            tell(self._keys(name))

        def tell_list(name: str) -> None:
            listed = self.fetched.revocations.lists.get(name)
            if listed is not last.get(name):  # a large one is not sent again for being as it was
                last[name] = listed
                tell(self._list(name))

        self.fetched.keyring.tell(tell_keys)
        self.fetched.revocations.tell(tell_list)

    def _keys(self, name: str) -> KeysNews:
        keys = self.fetched.keyring.keys.get(name)
        status = self.fetched.keyring.status_of(name)
        age_seconds = status.age_seconds
        return KeysNews(
            self.number,
            name,
            None if keys is None else pack_keys(keys),
            None if age_seconds is None else time.monotonic() - age_seconds,
            status.last_error,
        )

    def _list(self, name: str) -> ListNews:
        listed = self.fetched.revocations.lists.get(name)
        octets = None if listed is None else pickle.dumps(listed, pickle.HIGHEST_PROTOCOL)
        return ListNews(self.number, name, octets)
