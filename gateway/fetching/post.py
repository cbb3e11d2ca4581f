"""Post one form over HTTP, or fail with a reason for the log."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import ClientSession
from yarl import URL

from gateway.fetching.exchange import exchange_failures, read_body
from gateway.fetching.reach import DIRECT, Reach
from gateway.fetching.shown_url import show_url

# A token response has three tokens at most; one with many claims has some KiB.
MAX_RESPONSE_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class FormRequest:
    """A form to post to *url*, encoded, with further header fields.

    A response of more than *max_response_bytes* is a failure.
    """

    url: str
    form: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    max_response_bytes: int = MAX_RESPONSE_BYTES


@dataclass(frozen=True, slots=True)
class Posted:
    """A response to a form, whatever its status; fields are as received, empty if absent."""

    status: int
    content_type: str
    retry_after: str
    body: bytes = field(repr=False)


async def post_form(
    session: ClientSession,
    request: FormRequest,
    timeout_seconds: float,
    reach: Reach = DIRECT,
) -> Posted:
    """Send *request* and return the response.

    Redirects are not followed: they would carry credentials on (RFC 9700 §4.12). The whole
    exchange takes at most *timeout_seconds*. Raises FetchFailed for every outside failure.
    """
    fields = {**request.headers, "Content-Type": "application/x-www-form-urlencoded"}
    async with exchange_failures(request.url, timeout_seconds):
        # The URL is sent as it is written: nothing is decoded, and nothing encoded twice.
        target = URL(request.url, encoded=True)
        async with session.post(
            target,
            data=request.form,
            headers=fields,
            allow_redirects=False,
            **reach.options(target),
        ) as response:
            return Posted(
                response.status,
                response.headers.get("Content-Type", ""),
                response.headers.get("Retry-After", ""),
                await read_body(response, show_url(request.url), request.max_response_bytes),
            )
