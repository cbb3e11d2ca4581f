"""Presets: what the issuers of known vendors need, expanded before the schema is checked."""
