"""Build the proxies that documents are fetched through."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import unquote, urlsplit

from gateway.settings.build.secrets import Outside
from gateway.settings.schema.fetching import FetchingModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.values.addresses import is_host, is_ip, parse_network
from gateway.settings.values.configuration import Proxy

Exceptions = tuple[frozenset[str], tuple[IPv4Network | IPv6Network, ...]]
"""Names of hosts, ``.example.com`` for all below one, and networks."""

_EXAMPLE = "http://proxy.internal:3128"

# As written in the file: user and password are `${NAME}`, or the whole address is.
_NAME = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
_WITHOUT_SECRETS = re.compile(rf"{_NAME}|[^@]*://(?:{_NAME}(?::{_NAME})?@)?[^@]*")


def build_fetching(
    model: FetchingModel | None, part: Part, outside: Outside, faults: list[Fault]
) -> Proxy | None:
    """Return the proxy of all fetches; None without one, or if it is faulty."""
    if model is None or (model.proxy is None and model.proxy_file is None):
        if model is not None and model.except_:
            message = "there is no `proxy` to except these from: add one, or remove `except`"
            faults.append(part.child("except").key_fault(Code.BAD_VALUE, message))
        return None
    exceptions = _read_exceptions(model.except_, part.child("except"), faults)
    return build_proxy(part, outside, faults, exceptions)


def build_proxy(
    part: Part,
    outside: Outside,
    faults: list[Fault],
    exceptions: Exceptions = (frozenset(), ()),
    *,
    covers_loopback: bool = False,
) -> Proxy | None:
    """Return the proxy in `proxy` or `proxy_file` of *part*; None without one, or a faulty one.

    No message repeats any of it: it may hold a password.
    """
    written, in_file = part.child("proxy"), part.child("proxy_file")
    if written.raw is not None and in_file.raw is not None:
        message = "`proxy` and `proxy_file` are mutually exclusive"
        faults.append(in_file.key_fault(Code.CONFLICTING_KEYS, message))
        return None
    at = written if in_file.raw is None else in_file
    if not isinstance(at.raw, str):
        return None
    text = _written(at.raw, at, faults) if at is written else outside.read_file(at, faults)
    return None if text is None else _parse(text, at, exceptions, covers_loopback, faults)


def _written(text: str, part: Part, faults: list[Fault]) -> str | None:
    written = part.document.text_at(part.path, text)
    if "@" not in written and "://" not in text:
        faults.append(part.fault(Code.BAD_VALUE, f"not a proxy: write it like {_EXAMPLE}"))
        return None
    if not _WITHOUT_SECRETS.fullmatch(written):
        message = (
            "user and password do not belong in this file: put them in environment variables,"
            " and write http://${PROXY_USER}:${PROXY_PASSWORD}@HOST:PORT"
        )
        faults.append(part.fault(Code.BAD_VALUE, message))
        return None
    return text


def _parse(
    text: str, part: Part, exceptions: Exceptions, covers_loopback: bool, faults: list[Fault]
) -> Proxy | None:
    whole, _, address = text.rpartition("@")
    scheme, _, userinfo = whole.partition("://") if whole else ("http", "", "")
    try:
        parts = urlsplit(f"{scheme}://{address.removeprefix('http://')}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if scheme != "http" or not is_host(host) or not port or parts.path.strip("/") or parts.query:
        faults.append(part.fault(Code.BAD_VALUE, f"not a proxy: write it like {_EXAMPLE}"))
        return None
    user, password = (unquote(half) for half in userinfo.partition(":")[::2])
    if ":" in user:  # RFC 7617 §2
        faults.append(part.fault(Code.BAD_VALUE, "the user of the proxy has a colon"))
        return None
    shown = f"[{host}]" if ":" in host else host
    return Proxy(
        f"http://{shown}:{port}",
        user or None,
        password or None,
        *exceptions,
        covers_loopback,
    )


def _read_exceptions(texts: Sequence[str], part: Part, faults: list[Fault]) -> Exceptions:
    """Return the names of hosts, ``.example.com`` for ``*.example.com``, and the networks."""
    names: set[str] = set()
    networks: list[IPv4Network | IPv6Network] = []
    for index, text in enumerate(texts):
        bare = text.removeprefix("*.")
        if "/" in text or is_ip(text):
            network = parse_network(text)
            if isinstance(network, str):
                faults.append(part.child(index).fault(Code.BAD_VALUE, network))
            else:
                networks.append(network)
        elif is_host(bare):
            names.add(text.removeprefix("*").lower())
        else:
            message = "not a host or a network: write api.example.com, *.example.com or 10.0.0.0/8"
            faults.append(part.child(index).fault(Code.BAD_VALUE, message))
    return frozenset(names), tuple(networks)
