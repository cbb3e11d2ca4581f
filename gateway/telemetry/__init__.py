"""What the gateway says about itself: one log line per request, metrics, status."""
