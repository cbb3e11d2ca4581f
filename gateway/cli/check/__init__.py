"""Validate a configuration: ``gateway check``."""
