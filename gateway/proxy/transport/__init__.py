"""Bytes to and from a socket, without a word of HTTP."""
