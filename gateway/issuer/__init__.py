"""A development issuer: real tokens for demos and tests, never for production."""
