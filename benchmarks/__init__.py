"""Measure the gateway beside real proxies, on one machine, in one run."""
