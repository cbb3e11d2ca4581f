"""Explanations of decisions, step by step."""
