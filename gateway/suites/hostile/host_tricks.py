"""Ask for what a route guards on its hosts under names that may be taken for another host."""

from collections.abc import Iterator
from dataclasses import replace

from gateway.suites.asking.wire import Field, write_head
from gateway.suites.hostile.attack import Attack, Guard
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.path_tricks import REFUSED, reaches_service, show

_GUARD = Guard(None, ("match", "hosts"))


def trick_hosts(control: Control) -> Iterator[Attack]:
    """Yield the control's request without its token, with the host spelt otherwise or replaced."""
    if not control.route.hosts or control.route.optional:
        return
    request, host = control.request, control.request.host
    same = {
        "in capitals": host.upper(), "with a dot": f"{host}.", "with a port": f"{host}:8443",
        "with port 0": f"{host}:0", "with an empty port": f"{host}:",
    }  # fmt: skip
    other = {
        "unknown": "other.example", "below the attacker's": f"{host}.attacker.example",
        "behind something": f"attacker{host}", "a name of this machine": "localhost",
        "an address": "127.0.0.1", "an IPv6 address": "[::1]", "behind a user": f"x@{host}",
        "two in one": f"other.example,{host}", "with a path": f"{host}/x", "two dots": f"{host}..",
        "a NUL behind it": f"{host}%00", "a port that is none": f"{host}:x",
    }  # fmt: skip
    for name, authorities in (("host-spelling", same), ("host-replaced", other)):
        for variant, authority in authorities.items():
            yield _attack(control, name, variant, authority)
    for variant, fields in {
        "X-Forwarded-Host": [(b"X-Forwarded-Host", host.encode())],
        "X-Host": [(b"X-Host", host.encode()), (b"X-Original-Host", host.encode())],
        "Forwarded": [(b"Forwarded", b"host=" + host.encode())],
        "a second Host": [(b"Host", host.encode())],
    }.items():
        yield _attack(control, "host-override", variant, "other.example", tuple(fields))
    asked = replace(request, target=b"http://other.example" + request.target)
    head = write_head(asked)
    yield Attack(
        "host-override", "absolute-form", "CVE-2021-39155, RFC 9112 §3.2.2", head, REFUSED,
        _GUARD, reaches_service(control), show(asked),
    )  # fmt: skip


def _attack(
    control: Control, name: str, variant: str, authority: str, fields: tuple[Field, ...] = ()
) -> Attack:
    asked = replace(control.request, authority=authority)
    head = write_head(asked, *fields)
    return Attack(
        name, variant, "CVE-2021-39155", head, REFUSED, _GUARD,
        reaches_service(control), show(asked),
    )  # fmt: skip
