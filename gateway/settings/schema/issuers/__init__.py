"""The schema of issuers."""
