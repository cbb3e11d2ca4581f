"""Tokens: from a header field to verified claims."""
