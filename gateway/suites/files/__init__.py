"""Suite files: their format, read into values."""
