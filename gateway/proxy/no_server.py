"""Say that no server takes a request, and why."""

from gateway.decision.reason import Reason


class NoServer(Exception):  # noqa: N818 - reads as a sentence where it is caught
    """Nothing of a request was sent, and nothing will be; the text says why."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class MachineFault(Exception):  # noqa: N818 - what went wrong is its cause
    """A connection could not be opened for want of something on this machine.

    That says nothing about the server, and is no OSError, as which it would count against it.
    """
