"""Warnings about a valid configuration."""
