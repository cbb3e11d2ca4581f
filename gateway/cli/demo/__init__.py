"""Run a demonstration on one machine: ``gateway demo``."""
