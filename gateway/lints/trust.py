"""Find issuers that are trusted more than they need be."""

from collections.abc import Iterator, Mapping

from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import IssuerSettings, SourceKind

# RFC 7519 §4.1.4 allows "no more than a few minutes"; clocks that are kept are never a minute off.
_LONG_LEEWAY_SECONDS = 60.0
# Issuers publish a new key a day ahead; a withdrawn one is meant to end at once.
_LONG_KEY_LIFE_SECONDS = 24 * 3600.0
# Whoever makes key ids up would have the gateway ask the issuer more than once in a second.
_SHORT_COOLDOWN_SECONDS = 1.0


def find_symmetric(issuers: Mapping[str, IssuerSettings], places: Places) -> Iterator[Fault]:
    """Yield a warning for each issuer whose tokens are checked with a secret."""
    for name, one in issuers.items():
        if one.source.kind is SourceKind.SECRET:
            message = (
                f"whoever can check the tokens of `{name}` can make them, this gateway included:"
                " have the issuer sign with a key pair"
            )
            part = places.issuer(name).child("secret_env")
            yield part.key_warning(Code.SYMMETRIC_ALGORITHM, message)


def find_shared_keys(issuers: Mapping[str, IssuerSettings], places: Places) -> Iterator[Fault]:
    """Yield a warning for each issuer whose keys are those of another one, too.

    A key signs for its own issuer alone (RFC 8725 §3.8); here each can sign what says it is from
    the other. Secrets are the same where their bytes are, whatever variables hold them.
    """
    owners: dict[object, str] = {}
    for name, one in issuers.items():
        source = one.source
        owner = owners.setdefault(source.secret or (source.kind, source.location), name)
        if owner != name:
            message = (
                f"`{name}` and `{owner}` have the same keys, so each can make tokens of the other"
            )
            part = places.issuer(name).child(source.kind.value)
            yield part.key_warning(Code.SHARED_KEYS, message)


def find_long_times(issuers: Mapping[str, IssuerSettings], places: Places) -> Iterator[Fault]:
    """Yield a warning for each time that makes a token or a key count for longer than it should."""
    for name, one in issuers.items():
        part = places.issuer(name)
        leeway_seconds = one.issuer.leeway_seconds
        if leeway_seconds > _LONG_LEEWAY_SECONDS:
            message = f"tokens are accepted for {leeway_seconds:g} s after they have expired"
            yield part.child("leeway").warning(Code.LONG_LEEWAY, message)
        lives = {"fresh": one.times.fresh_seconds, "stale": one.times.stale_seconds}
        for key, seconds in lives.items():
            if seconds > _LONG_KEY_LIFE_SECONDS:
                when = "" if key == "fresh" else ", while the issuer cannot be reached"
                message = f"a key that was withdrawn is accepted for {seconds / 3600:g} h{when}"
                yield part.child("keys").child(key).warning(Code.LONG_KEY_LIFE, message)


def find_short_cooldowns(issuers: Mapping[str, IssuerSettings], places: Places) -> Iterator[Fault]:
    """Yield a warning for each issuer that anybody can have asked for keys all the time."""
    for name, one in issuers.items():
        seconds = one.times.unknown_kid_cooldown_seconds
        if seconds < _SHORT_COOLDOWN_SECONDS:
            message = (
                f"tokens with made-up key ids have the gateway ask the issuer every {seconds:g} s"
            )
            part = places.issuer(name).child("keys").child("unknown_kid_cooldown")
            yield part.warning(Code.SHORT_COOLDOWN, message)
