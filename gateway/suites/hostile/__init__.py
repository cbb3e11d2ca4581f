"""Attack every route that requires a token with altered forms of what it allows."""
