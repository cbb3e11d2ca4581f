"""From models to values: each part is checked and compiled here."""
