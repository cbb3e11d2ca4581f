"""Keep the lists of revoked tokens fetched before requests need them."""
