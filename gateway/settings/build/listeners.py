"""Build the addresses of the data port and the admin port, and the trusted proxies."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network

from gateway.settings.build.secrets import Outside
from gateway.settings.build.tls import build_listen_tls
from gateway.settings.schema.models import AdminModel, ConfigFile, ListenModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import Sources
from gateway.settings.text.scalars import shorten
from gateway.settings.values.addresses import is_loopback, parse_address, parse_network
from gateway.settings.values.configuration import Address, Admin, Listen


def build_listen(
    model: ListenModel | str | Sequence[ListenModel | str],
    part: Part,
    sources: Sources,
    http2: bool,
    faults: list[Fault],
) -> tuple[Listen, ...] | None:
    """Return where the data port listens, or None if part of it is faulty.

    With *http2*, it speaks HTTP/2 there as well.
    """
    if isinstance(model, ListenModel | str):
        one = _build_one(model, part, sources, http2, faults)
        return None if one is None else (one,)
    parts = [part.child(index) for index in range(len(model))]
    built = [_build_one(*one, sources, http2, faults) for one in zip(model, parts, strict=True)]
    listen = tuple(one for one in built if one is not None)
    if len(listen) < len(built):
        return None
    _refuse_shared_addresses(listen, parts, faults)
    return listen


def _build_one(
    model: ListenModel | str, part: Part, sources: Sources, http2: bool, faults: list[Fault]
) -> Listen | None:
    if isinstance(model, str):
        address = _address(model, part, faults)
        return Listen(address, None) if address else None
    address = _address(model.address, part.child("address"), faults)
    tls = None
    if model.tls:
        tls = build_listen_tls(model.tls, part.child("tls"), sources, http2, faults)
    return Listen(address, tls) if address and (tls or not model.tls) else None


def _refuse_shared_addresses(
    listen: Sequence[Listen], parts: Sequence[Part], faults: list[Fault]
) -> None:
    """Refuse an address that another listener already covers."""
    for index, (one, part) in enumerate(zip(listen, parts, strict=True)):
        for other in listen[:index]:
            if _share(one.address, other.address):
                message = f"`{_show(other.address)}` above already listens on this address"
                at = part.child("address") if isinstance(part.raw, dict) else part
                faults.append(at.fault(Code.DUPLICATE_VALUE, message))
                break


def _share(one: Address, other: Address) -> bool:
    if one.port != other.port or one.port == 0:
        return False
    hosts = {one.host, other.host}
    # An IPv6 address accepts IPv6 connections only.
    return (
        len(hosts) == 1
        or ("0.0.0.0" in hosts and all(":" not in host for host in hosts))  # noqa: S104 - read
        or ("::" in hosts and all(":" in host for host in hosts))
    )


def _show(address: Address) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"


def build_admin(
    model: AdminModel | str | bool, part: Part, outside: Outside, faults: list[Fault]
) -> Admin | None:
    """Return where the admin port listens, or None if it is off or faulty."""
    if isinstance(model, bool):
        return None
    if isinstance(model, str):
        model = AdminModel(address=model)
        address = _address(model.address, part, faults)
    else:
        address = _address(model.address, part.child("address"), faults)
    found = outside.read(part, "token", faults)
    if found is not None and not _can_be_sent(found[1]):
        message = (
            "the token there has white space at an end (a line feed?), or what is not visible"
            " ASCII: no request could show it"
        )
        faults.append(found[0].fault(Code.BAD_VALUE, message))
    is_guarded = model.token_env is not None or model.token_file is not None
    if address and not is_guarded and not is_loopback(address.host):
        message = "the admin port is open to other machines without a token: set token_env"
        faults.append(part.warning(Code.ADMIN_EXPOSED, message))
    return Admin(address, None if found is None else found[1]) if address else None


def _can_be_sent(token: str) -> bool:
    """Return whether a header field can carry the whole of *token* (RFC 9110 §5.5)."""
    return token.isascii() and token.isprintable() and token.strip() == token


def refuse_one_address_twice(
    listen: Sequence[Listen] | None, admin: Admin | None, part: Part, faults: list[Fault]
) -> None:
    """Refuse the data port and the admin port on one address."""
    if admin and admin.address.port and admin.address in [one.address for one in listen or ()]:
        message = "the admin port and the data port need different addresses"
        faults.append(part.fault(Code.DUPLICATE_VALUE, message))


def build_trusted_proxies(
    model: ConfigFile, part: Part, faults: list[Fault]
) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks whose Forwarded fields are trusted."""
    networks: list[IPv4Network | IPv6Network] = []
    for index, text in enumerate(model.trusted_proxies or ()):
        item = part.child(index)
        network = parse_network(text)
        if isinstance(network, str):
            faults.append(item.fault(Code.BAD_VALUE, f"`{shorten(text)}` {network}"))
            continue
        if network.prefixlen == 0:
            message = (
                "every client is trusted as a proxy: it can forge its address, host and scheme"
            )
            faults.append(item.warning(Code.TRUSTS_EVERYONE, message))
        networks.append(network)
    return tuple(networks)


def _address(text: str, part: Part, faults: list[Fault]) -> Address | None:
    address = parse_address(text)
    if not isinstance(address, Address):
        faults.append(part.fault(Code.BAD_VALUE, address))
        return None
    mapped = IPv6Address(address.host).ipv4_mapped if ":" in address.host else None
    if mapped is not None:  # an IPv6-only socket cannot bind it
        message = f"`{shorten(text)}` is an IPv4 address: write {mapped}:{address.port}"
        faults.append(part.fault(Code.BAD_VALUE, message))
        return None
    return address
