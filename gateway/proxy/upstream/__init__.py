"""The upstream's side: connections, pools, health checks and retries."""
