"""Bytes to and from sockets: what is sent together, how slow a peer may be, what has arrived."""
