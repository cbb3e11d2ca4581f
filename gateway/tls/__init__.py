"""TLS: certificates and authorities, and the contexts that use them."""
