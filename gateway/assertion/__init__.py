"""Vouch for callers with short-lived tokens of our own."""
