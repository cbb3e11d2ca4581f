"""Compare the gateway with other proxies, on one machine, in one run."""
