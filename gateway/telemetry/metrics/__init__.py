"""Counts, and how Prometheus reads them."""
