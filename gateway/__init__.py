"""JWT Gateway: a reverse proxy that lets a request through only with a valid access token."""

__version__ = "0.1.0"
