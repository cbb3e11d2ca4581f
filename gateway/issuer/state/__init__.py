"""What the development issuer remembers: in memory, bounded, and each for its time."""
