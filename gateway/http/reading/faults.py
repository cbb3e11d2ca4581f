"""Why input cannot be read any further."""

import httptools

from gateway.decision.reason import Reason


class Fault(Exception):  # noqa: N818 - a finding about the input, not an error in the gateway
    """The client's input is not a request, or too large for one."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class EarlyBytes(Exception):  # noqa: N818
    """Bytes came after an upgrade request, before the response to it."""


class Http2Preface(Exception):  # noqa: N818
    """The client speaks HTTP/2 (RFC 9113 §3.4); *rest* is what came after its preface."""

    def __init__(self) -> None:
        super().__init__("the preface of HTTP/2")
        self.rest = b""


class StopParsing(Exception):  # noqa: N818 - not an error: the way out of a parser's callback
    """The rest of the input is not for this parser."""


def was_stopped(error: httptools.HttpParserError) -> bool:
    """Return whether a callback of ours stopped the parser, rather than the input.

    Raise *error* again if a callback failed: that is a bug, which must not be hidden.
    """
    if isinstance(error.__context__, StopParsing):
        return True
    if isinstance(error, httptools.HttpParserCallbackError):
        raise error
    return False
