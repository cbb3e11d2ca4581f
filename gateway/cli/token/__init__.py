"""Get, mint and inspect tokens: ``gateway token``."""
