"""Serve with several worker processes: own what they share, and replace those that die."""
