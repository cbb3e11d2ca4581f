"""Requests and callers as tests write them, put to the decision."""
