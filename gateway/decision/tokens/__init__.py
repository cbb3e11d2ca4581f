"""Tokens: from the text of a header field to claims that hold."""
