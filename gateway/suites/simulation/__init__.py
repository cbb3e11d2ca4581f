"""Requests and callers as tests describe them, decided as a gateway would, without a network."""
