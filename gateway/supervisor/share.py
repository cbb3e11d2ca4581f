"""Work out what one worker may take of what the gateway may."""

from dataclasses import replace

from gateway.settings.values import Settings


def share_of(settings: Settings, index: int, workers: int) -> Settings:
    """Return *settings* for the worker with this *index*, from 0, of so many *workers*.

    Together they take as many connections as ``limits.connections`` says; where these are
    fewer than workers, each takes one all the same.
    """
    each, rest = divmod(settings.limits.connections, workers)
    connections = max(1, each + (index < rest))
    return replace(settings, limits=replace(settings.limits, connections=connections))
