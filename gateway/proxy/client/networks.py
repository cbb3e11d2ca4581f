"""Count client connections by the network that they are from."""


class Networks:
    """How many connections each network has; one that has none is forgotten."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, network: bytes) -> int:
        """Count one more connection of *network*; return how many it has now."""
        count = self._counts[network] = self._counts.get(network, 0) + 1
        return count

    def discard(self, network: bytes) -> None:
        """Count one less, which was counted before."""
        count = self._counts[network] - 1
        if count:
            self._counts[network] = count
        else:
            del self._counts[network]
