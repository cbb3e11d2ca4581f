"""The tokens that the development issuer signs."""
