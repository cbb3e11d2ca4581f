"""Rate limits by the generic cell rate algorithm, concurrency limits, and where they are counted."""
