"""Build the routes: which requests they own, what they require, and what they change."""
