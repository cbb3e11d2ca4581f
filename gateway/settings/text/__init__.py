"""Files as text: YAML nodes, their places, and what is wrong with them."""
