"""Log lines: one for each request, and what the gateway says of itself."""
