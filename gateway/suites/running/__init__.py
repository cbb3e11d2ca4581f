"""Suite files: read, run, judged and reported."""
