"""The web application of the demo: pages without a token in them."""
