"""Compare two configurations by meaning, and show who gains or loses access."""
