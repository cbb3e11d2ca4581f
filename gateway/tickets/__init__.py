"""One-time tickets: what a page puts into a URL instead of its token."""
