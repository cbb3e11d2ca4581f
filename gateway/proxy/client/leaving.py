"""Take leave of a client while the gateway drains."""

from time import monotonic

from gateway.proxy.client.turns import Turns


class Leaving(Turns):
    """Ends a connection in the best way there is at the time."""

    __slots__ = ()

    def close_when_idle(self) -> None:
        """Be idle for no longer than the port says by now; what is under way may end."""
        self._idle_seconds = seconds = self._port.timeouts.idle_seconds
        if self._current is None and not self._reader.in_message and not self._is_behind():
            self.deadline = min(self.deadline, monotonic() + seconds)

    def lasts(self) -> bool:
        """Return whether what is under way is a tunnel, or a stream of events."""
        return self._current is not None and self._current.lasts()

    def take_leave(self) -> None:
        """Begin to end what lasts."""
        if self._current is not None:
            self._current.take_leave()

    def time_is_up(self) -> None:
        """End now; what was said is still sent."""
        if self._closing:
            return
        self._is_ending = True
        if self._current is None:
            self._close()
        else:
            self._current.time_is_up()
