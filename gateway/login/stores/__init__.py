"""The places where sessions are kept: memory, Redis, and the browser's own cookies."""
