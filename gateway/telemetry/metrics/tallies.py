"""Counts by a name."""


def add_tallies(ours: dict[str, int], theirs: dict[str, int]) -> None:
    """Add *theirs* to *ours*; safe in any thread."""
    for name, count in theirs.copy().items():
        ours[name] = ours.get(name, 0) + count
