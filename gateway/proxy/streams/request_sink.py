"""Whoever takes the requests that were read."""

from typing import Protocol

from gateway.http.reading.request import Request
from gateway.proxy.streams.upload import Upload


class Taker(Protocol):
    """A client's connection, as its reader sees it."""

    def take_request(self, request: Request) -> Upload | None:
        """Take a head; return where its body goes, if it has one."""

    def take_body_end(self) -> None:
        """Take that the body being read is complete."""
