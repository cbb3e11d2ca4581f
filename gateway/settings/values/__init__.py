"""The loaded configuration as the rest of the gateway sees it: frozen values."""
