"""HTTP/2 with clients: one connection, many streams, each of them as a request."""
