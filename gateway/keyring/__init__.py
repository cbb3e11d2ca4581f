"""Keep every issuer's keys fetched before requests need them."""
