"""Run the gateway: ``gateway run``."""
