"""Build from its settings which Redis counts."""

from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from gateway.settings.addresses import is_loopback
from gateway.settings.document import Part
from gateway.settings.extras import refuse_without
from gateway.settings.fault import Code, Fault
from gateway.settings.rate_models import RedisModel
from gateway.settings.rate_values import OnFailure, Redis
from gateway.settings.routes import refuse_wrong_choice
from gateway.settings.variables import describe_unset

_PACKAGE = "redis"  # what the extra brings

_WRITE_IT = "write it like redis://10.0.0.5:6379/0, rediss:// for TLS, unix:///run/redis.sock"


def build_redis(
    model: RedisModel | None,
    part: Part,
    environ: Mapping[str, str],
    faults: list[Fault],
    package: str = _PACKAGE,
) -> Redis | None:
    """Return where is counted together; None where nowhere, or where something is wrong with it.

    *package* must be installed for it. No message repeats the URL: it may hold a password.
    """
    if model is None:
        return None
    before = len(faults)
    refuse_without(package, "redis", "Redis needs", part, faults)
    refuse_wrong_choice(part, "url", "url_env", faults)
    url = _url(model, part, environ, faults)
    if url is None or len(faults) > before:
        return None
    _warn(url, part.child("url" if model.url is not None else "url_env"), faults)
    return Redis(url, model.timeout, OnFailure(model.on_failure), model.prefix)


def _url(
    model: RedisModel, part: Part, environ: Mapping[str, str], faults: list[Fault]
) -> str | None:
    at, url = part.child("url"), model.url
    if url is None and model.url_env is not None:
        at, url = part.child("url_env"), environ.get(model.url_env)
        if not url:
            faults.append(at.fault(Code.UNSET_VARIABLE, describe_unset(model.url_env)))
    if not url:
        return None
    split = _split(url)
    if split is None:
        what = "what this variable holds is not" if model.url is None else "not"
        faults.append(at.fault(Code.BAD_VALUE, f"{what} the URL of a Redis: {_WRITE_IT}"))
    elif model.url is not None and split.password:
        message = "a password does not belong into this file: name a variable with `url_env`"
        faults.append(at.fault(Code.BAD_VALUE, message))
    return url


def _split(url: str) -> SplitResult | None:
    """Return the parts of the URL of a Redis; None where it is none, or has more of them."""
    try:
        split = urlsplit(url)
        is_whole = split.port is None or split.port > 0
    except ValueError:
        return None
    if split.query or split.fragment or not is_whole or not url.isascii() or " " in url:
        return None
    if split.scheme == "unix":
        return split if not split.netloc and len(split.path) > 1 else None
    database = split.path.strip("/")
    is_one = split.scheme in {"redis", "rediss"} and split.hostname
    return split if is_one and (not database or database.isdecimal()) else None


def _warn(url: str, part: Part, faults: list[Fault]) -> None:
    """Doubt a password that can be read on its way."""
    split = urlsplit(url)
    if split.scheme == "redis" and split.password and not is_loopback(split.hostname or ""):
        message = "the password can be read on its way: use rediss://"
        faults.append(part.warning(Code.INSECURE_URL, message))
