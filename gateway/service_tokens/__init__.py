"""Get access tokens for services: the gateway's own, and callers' by exchange."""
