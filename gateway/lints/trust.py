"""Warn about issuers that are trusted more than necessary."""

from collections.abc import Iterator, Mapping

from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import IssuerSettings

# RFC 7519 §4.1.4 allows "no more than a few minutes"; synchronised clocks are never a minute off.
_LONG_LEEWAY_SECONDS = 60.0
# Issuers publish a new key a day ahead; a withdrawn one should be rejected at once.
_LONG_KEY_LIFE_SECONDS = 24 * 3600.0
# Below this, made-up key ids make the gateway query the issuer more than once per second.
_SHORT_COOLDOWN_SECONDS = 1.0


def find_symmetric(issuers: Mapping[str, IssuerSettings], places: Places) -> Iterator[Fault]:
    """Yield a warning for each issuer whose tokens are verified with a shared secret."""
    for name, one in issuers.items():
        if one.source.is_secret:
            message = (
                f"anyone who can verify the tokens of `{name}` can forge them, this gateway"
                " included: have the issuer sign with a key pair"
            )
            part = places.issuer(name).child(one.source.kind.value)
            yield part.key_warning(Code.SYMMETRIC_ALGORITHM, message)


def find_shared_keys(issuers: Mapping[str, IssuerSettings], places: Places) -> Iterator[Fault]:
    """Yield a warning for each issuer that shares its keys with another one.

    A key must sign for its own issuer only (RFC 8725 §3.8); here each issuer can sign in the name
    of the other. Secrets are compared by their bytes, whatever variables hold them.
    """
    owners: dict[object, str] = {}
    for name, one in issuers.items():
        source = one.source
        owner = owners.setdefault(source.secret or (source.kind, source.location), name)
        if owner != name:
            message = (
                f"`{name}` and `{owner}` use the same keys, so each can forge tokens of the other"
            )
            part = places.issuer(name).child(source.kind.value)
            yield part.key_warning(Code.SHARED_KEYS, message)


def find_long_times(issuers: Mapping[str, IssuerSettings], places: Places) -> Iterator[Fault]:
    """Yield a warning for each time that keeps a token or a key valid for too long."""
    for name, one in issuers.items():
        part = places.issuer(name)
        leeway_seconds = one.issuer.leeway_seconds
        if leeway_seconds > _LONG_LEEWAY_SECONDS:
            message = f"tokens are accepted for {leeway_seconds:g} s after they expire"
            yield part.child("leeway").warning(Code.LONG_LEEWAY, message)
        lives = {"fresh": one.times.fresh_seconds, "stale": one.times.stale_seconds}
        for key, seconds in lives.items():
            if seconds > _LONG_KEY_LIFE_SECONDS:
                when = "" if key == "fresh" else " while the issuer is unreachable"
                message = f"a withdrawn key stays accepted for {seconds / 3600:g} h{when}"
                yield part.child("keys").child(key).warning(Code.LONG_KEY_LIFE, message)


def find_short_cooldowns(issuers: Mapping[str, IssuerSettings], places: Places) -> Iterator[Fault]:
    """Yield a warning for each issuer that anybody can make the gateway query all the time."""
    for name, one in issuers.items():
        seconds = one.times.unknown_kid_cooldown_seconds
        if seconds < _SHORT_COOLDOWN_SECONDS:
            message = (
                f"tokens with made-up key ids make the gateway query the issuer every {seconds:g} s"
            )
            part = places.issuer(name).child("keys").child("unknown_kid_cooldown")
            yield part.warning(Code.SHORT_COOLDOWN, message)
