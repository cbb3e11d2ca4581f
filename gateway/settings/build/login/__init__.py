"""Build the ways to log in: their sessions, and the routes that use them."""
