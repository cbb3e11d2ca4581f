"""Say when a worker that died is started again."""

# A worker that served so long did not die of what it was started with.
STEADY_SECONDS = 10.0

_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0

# One that cannot be started may do better the next time: the machine was short of something.
# After so many times it is said that traffic should go elsewhere.
HOPELESS_AFTER = 3


class Restarts:
    """The deaths of the workers in one slot; *total* of them, *in_a_row* without a steady one."""

    def __init__(self) -> None:
        self.total = 0
        self.in_a_row = 0

    def after_death(self, served_seconds: float) -> float:
        """Note a death; return how many seconds to wait: none, where it served steadily."""
        self.total += 1
        if served_seconds >= STEADY_SECONDS:
            self.in_a_row = 0
        self.in_a_row += 1
        if self.in_a_row == 1:
            return 0.0
        doublings = min(self.in_a_row - 2, 16)  # else the power has no float in the end
        return min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0**doublings)

    def is_hopeless(self, serves_seconds: float) -> bool:
        """Say whether workers die there again and again.

        *serves_seconds* is how long the one that is there now has served, 0 where there is none.
        """
        return self.in_a_row > HOPELESS_AFTER and serves_seconds < STEADY_SECONDS
