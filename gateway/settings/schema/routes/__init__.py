"""The schema of routes."""
