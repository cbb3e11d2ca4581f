"""Show pages of the documentation, for people without a checkout."""
