"""Decide for all requests and all callers at once what two configurations do."""
