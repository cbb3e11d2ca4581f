"""What authorization servers issue, checked member by member."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.settings.values.addresses import is_web_url, leaves_unprotected

# RFC 6750 §2.1: what can stand in an Authorization field.
_BEARER: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]+")  # RFC 6749 appendix A
# RFC 6749 §3.3; some servers write that nothing was granted as an empty string.
_SCOPE: Final = re.compile(r"(?:[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*)?")
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){2,4}")

MAX_SECONDS: Final = 10 * 366 * 86_400  # longer lifetimes are mistakes

# RFC 8628 §3.2.
DEFAULT_INTERVAL_SECONDS: Final = 5.0
_MAX_INTERVAL_SECONDS: Final = 300.0
_MAX_URI_CHARACTERS: Final = 2048


@dataclass(frozen=True, slots=True)
class TokenResponse:
    """Issued tokens (RFC 6749 §5.1); all of them are secret.

    *expires_in_seconds* is the life of the access token, None if the server does not say.
    *scope* is what was granted, None if it is what was asked for. *members* are all that the
    server sent.
    """

    access_token: str = field(repr=False)
    expires_in_seconds: float | None = None
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    scope: str | None = None
    members: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """A pushed authorization request (RFC 9126 §2.2): what stands for it, and for how long."""

    request_uri: str = field(repr=False)
    expires_in_seconds: float


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """What a device shows to its user (RFC 8628 §3.2): a code, and where to enter it.

    *complete_uri* has the code in it, for a QR code.
    """

    device_code: str = field(repr=False)
    user_code: str
    verification_uri: str
    complete_uri: str | None
    expires_in_seconds: float
    interval_seconds: float


def read_tokens(members: Mapping[str, object]) -> TokenResponse | str:
    """Return the tokens in *members* of a response, or what is wrong with them.

    An access token of another type than Bearer is refused (RFC 6749 §7.1): its holder would have
    to prove more than we can.
    """
    access_token, kind = members.get("access_token"), members.get("token_type")
    if not isinstance(access_token, str) or not _BEARER.fullmatch(access_token):
        return "access_token is missing, or not a bearer token"
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return "token_type is not Bearer"
    expires_in = members.get("expires_in")
    seconds = None if expires_in is None else _seconds(expires_in)
    if expires_in is not None and seconds is None:
        return "expires_in is not a number of seconds"
    optional = {"refresh_token": _PRINTABLE, "id_token": _COMPACT, "scope": _SCOPE}
    for name, form in optional.items():
        value = members.get(name)
        if value is not None and not _matches(value, form):
            return f"{name} is not what it may be"
    return TokenResponse(
        access_token=access_token,
        expires_in_seconds=seconds,
        refresh_token=_text(members, "refresh_token"),
        id_token=_text(members, "id_token"),
        scope=_text(members, "scope"),
        members=members,
    )


def read_pushed(members: Mapping[str, object]) -> PushedRequest | str:
    """Return the pushed request in *members* of a response, or what is wrong with them."""
    request_uri, seconds = _text(members, "request_uri"), _seconds(members.get("expires_in"))
    if request_uri is None or not _PRINTABLE.fullmatch(request_uri):
        return "request_uri is missing or not printable"
    if seconds is None:
        return "expires_in is not a number of seconds"
    return PushedRequest(request_uri, seconds)


def read_device(members: Mapping[str, object]) -> DeviceAuthorization | str:
    """Return the device authorization in *members* of a response, or what is wrong with them.

    A person is sent to its URLs, and sees the code on a terminal: both are checked for that.
    """
    device_code, user_code = _text(members, "device_code"), _text(members, "user_code")
    uri, complete = _text(members, "verification_uri"), members.get("verification_uri_complete")
    seconds = _seconds(members.get("expires_in"))
    if device_code is None or not _PRINTABLE.fullmatch(device_code):
        return "device_code is missing or not printable"
    if user_code is None or not _PRINTABLE.fullmatch(user_code) or len(user_code) > 64:
        return "user_code is missing, too long or not printable"
    if uri is None or not _is_page(uri):
        return "verification_uri is not an https URL"
    if complete is not None and not (isinstance(complete, str) and _is_page(complete)):
        return "verification_uri_complete is not an https URL"
    if seconds is None:
        return "expires_in is not a number of seconds"
    interval = members.get("interval")
    pause = DEFAULT_INTERVAL_SECONDS if interval is None else _seconds(interval)
    if pause is None or pause > _MAX_INTERVAL_SECONDS:
        return "interval is not a number of seconds up to 300"
    return DeviceAuthorization(device_code, user_code, uri, complete, seconds, pause)


def _is_page(uri: str) -> bool:
    return is_web_url(uri) and not leaves_unprotected(uri) and len(uri) <= _MAX_URI_CHARACTERS


def _text(members: Mapping[str, object], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None


def _matches(value: object, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _seconds(value: object) -> float | None:
    """Return a lifetime; none is zero, negative, or longer than ten years."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= MAX_SECONDS else None
