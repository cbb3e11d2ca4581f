"""Client connections: requests in, responses out."""
