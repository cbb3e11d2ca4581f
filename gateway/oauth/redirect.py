"""Read the redirect that ends an authorization request (RFC 6749 §4.1.2, RFC 9207)."""

import hmac
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from gateway.oauth.fault import OAuthFault, server_error
from gateway.oauth.metadata import Endpoints

_MAX_PARAMETERS: Final = 32
_MAX_CODE_CHARACTERS: Final = 4096


@dataclass(frozen=True, slots=True)
class CodeResponse:
    """The server's consent: a *code* to exchange for tokens."""

    code: str = field(repr=False)
    state: str = field(repr=False)
    iss: str | None


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """The server's refusal (RFC 6749 §4.1.2.1): *fault* has its code, `access_denied`."""

    fault: OAuthFault
    state: str = field(repr=False)
    iss: str | None


def parse_redirect(query: str) -> CodeResponse | ErrorResponse | str:
    """Return the response in *query*, or why there is none, in our own words.

    Refuses what two readers may read differently: a parameter that occurs twice (RFC 6749 §3.1),
    a code beside an error, text that is not UTF-8; and a response without `state`, which belongs
    to no request of ours.
    """
    try:
        query.encode("ascii")  # a URL has nothing else (RFC 3986 §2)
        pairs = parse_qsl(
            query,
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError:
        return "the parameters are not a form in UTF-8, or too many"
    members = dict(pairs)
    if len(members) != len(pairs):
        return "a parameter occurs twice"
    state, iss = members.get("state", ""), members.get("iss")
    if not state:
        return "state is missing"
    if ("code" in members) == ("error" in members):
        return "neither code nor error, or both"
    if "error" in members:
        fault = server_error(
            "authorization endpoint", members["error"], members.get("error_description"), (state,)
        )
        return ErrorResponse(fault, state, iss)
    return _code_response(members["code"], state, iss)


def _code_response(code: str, state: str, iss: str | None) -> CodeResponse | str:
    # RFC 6749 appendix A.11: printable ASCII, and not empty.
    if not (code.isascii() and code.isprintable() and 0 < len(code) <= _MAX_CODE_CHARACTERS):
        return "code is empty, too long or not printable ASCII"
    return CodeResponse(code, state, iss)


def check_response(
    response: CodeResponse | ErrorResponse, state: str, endpoints: Endpoints
) -> str | None:
    """Return why *response* is not the one to our request with *state*, or None.

    `iss` must be the issuer that was asked, character by character: else a hostile server could
    have us send it another server's code (RFC 9207 §2.4). It may be missing only if the server
    does not say that it sends it.
    """
    if not hmac.compare_digest(response.state.encode(), state.encode()):
        return "state is not that of the request"
    return check_iss(response.iss, endpoints)


def check_iss(iss: str | None, endpoints: Endpoints) -> str | None:
    """Return what is wrong with *iss* of a response, or None; see ``check_response``."""
    if iss is None:
        return "iss is missing, although the issuer sends it" if endpoints.sends_iss else None
    return None if iss == endpoints.issuer else "iss names another issuer"
