"""Attack every route that asks for a token, with what it allows in a hostile form."""
