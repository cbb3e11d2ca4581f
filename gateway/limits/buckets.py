"""Keep the buckets of one process, so many of them at most."""

from collections.abc import Sequence
from typing import Final

from gateway.limits.gcra import Taken, Wanted, take

# About 40 MB. Keys come from tokens and addresses, so somebody may have any number of them.
MAX_BUCKETS: Final = 200_000

# Of the buckets that nobody used for longest: what is looked at where one is added, and where
# there is no room for it.
_LOOKED_AT: Final = 2
_CANDIDATES: Final = 8


class Buckets:
    """The buckets that were used last, each with the moment at which it is whole again.

    One that is whole is as good as none, and is forgotten as others are added. Where there is no
    room, one is forgotten that is nearly whole: of the eight that nobody used for longest, the
    one that would be whole first.
    """

    def __init__(self, room: int = MAX_BUCKETS) -> None:
        self._room = room
        self._whole_at_us: dict[bytes, int] = {}  # who was used last stands last

    def __len__(self) -> int:
        return len(self._whole_at_us)

    def take(self, wanted: Sequence[Wanted], now_us: int) -> Taken:
        """Take one request of each bucket that is *wanted*, or of none."""
        known = self._whole_at_us
        taken = take([one.rate for one in wanted], [known.get(one.key) for one in wanted], now_us)
        if taken.refused is None:
            for one, moment in zip(wanted, taken.whole_at_us, strict=True):
                key = one.key
                if known.pop(key, None) is None:
                    self._make_room(now_us)
                known[key] = moment
        return taken

    def _make_room(self, now_us: int) -> None:
        known = self._whole_at_us
        for _ in range(min(_LOOKED_AT, len(known))):
            key = next(iter(known))
            moment = known.pop(key)
            if moment > now_us:
                known[key] = moment  # behind all others: these are looked at next
        if len(known) >= self._room:
            oldest = [key for key, _ in zip(known, range(_CANDIDATES), strict=False)]
            del known[min(oldest, key=known.__getitem__)]
