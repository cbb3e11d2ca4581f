"""Explain the decision about a request: ``gateway explain``."""
