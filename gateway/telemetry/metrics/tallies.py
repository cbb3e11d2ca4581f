"""Count by a name."""


def add_tallies(ours: dict[str, int], theirs: dict[str, int]) -> None:
    """Count in *ours* what *theirs* counted, too; for any thread."""
    for name, count in theirs.copy().items():
        ours[name] = ours.get(name, 0) + count
