"""Ask authorization servers for tokens, as a client of theirs."""
