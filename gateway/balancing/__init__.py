"""Which server gets a request, and whether any should: pure, with time as an argument."""
