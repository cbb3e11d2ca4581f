"""Log lines: one for each request, and the diagnostics of the gateway itself."""
