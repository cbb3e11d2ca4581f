"""What is presented and trusted over TLS, and the contexts that speak it."""
