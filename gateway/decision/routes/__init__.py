"""Which route owns a request."""
