"""Build the ways to log in: their clients and sessions, and the routes that use them."""
