"""Rate limits by the generic cell rate algorithm, and concurrency limits."""
