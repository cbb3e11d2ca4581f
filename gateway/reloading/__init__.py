"""Reload the configuration of a running gateway."""
