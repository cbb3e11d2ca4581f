"""Have so many places for requests under way, some of them left to those that matter more."""

from collections.abc import Collection

from gateway.settings.values.route_options import Priority

# A fifth of the places is left to each higher priority that somebody has.
_LEFT_TO_OTHERS = 5


class Places:
    """The places of one limit: *taken* of them, and who may take another.

    Those who took a place give it back; a limit that falls below them takes it from nobody.
    """

    __slots__ = ("_marks", "taken")

    def __init__(self, limit: int, used: Collection[Priority] = ()) -> None:
        self.taken = 0
        self.use(limit, used)

    def use(self, limit: int, used: Collection[Priority]) -> None:
        """Have *limit* places from now on, for requests of the priorities that are *used*."""
        self._marks = marks(limit, used)

    def has_room(self, priority: Priority) -> bool:
        """Say whether a request of *priority* may take a place."""
        return self.taken < self._marks[priority]


def marks(limit: int, used: Collection[Priority]) -> tuple[int, ...]:
    """Return, by priority, how many places may be taken after one more is.

    Whoever is alone has all of them, and everybody may have one.
    """
    left = -(-limit // _LEFT_TO_OTHERS)
    return tuple(
        max(1, limit - left * len({other for other in used if other > priority}))
        for priority in Priority
    )
