"""Build clients of authorization servers, with their secrets and keys."""
