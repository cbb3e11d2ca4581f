"""Limits on rates and on requests in flight, as one exchange meets them."""
