"""The client's side: one connection, its requests, and what it may hold."""
