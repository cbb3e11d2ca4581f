"""Spans: which requests are recorded, and where spans go."""
