"""Make a first configuration, and a suite: ``gateway init``."""
