"""Limit requests in flight, and reserve some of the slots for higher priorities."""

from collections.abc import Collection

from gateway.settings.values.route_options import Priority

# One slot in five is reserved for each higher priority in use.
_RESERVED_SHARE = 5


class ConcurrencyLimit:
    """One limit on requests in flight; *taken* of its slots are in use.

    Who took a slot releases it. A limit that falls below the slots in use takes none away.
    """

    __slots__ = ("_usable", "taken")

    def __init__(self, slots: int, used: Collection[Priority] = ()) -> None:
        self.taken = 0
        self.use(slots, used)

    def use(self, slots: int, used: Collection[Priority]) -> None:
        """Set the number of *slots*, for requests of the priorities *used*."""
        self._usable = usable_slots(slots, used)

    def has_room(self, priority: Priority) -> bool:
        """Return whether a request of *priority* may take a slot."""
        return self.taken < self._usable[priority]


def usable_slots(slots: int, used: Collection[Priority]) -> tuple[int, ...]:
    """Return, by priority, how many of the *slots* may be in use once one more is taken.

    A priority that is the highest in use gets all of them, and each gets at least one.
    """
    reserved = -(-slots // _RESERVED_SHARE)
    return tuple(
        max(1, slots - reserved * len({other for other in used if other > priority}))
        for priority in Priority
    )
