"""Mint and inspect tokens: ``gateway token``."""
