"""Which server gets a request, and whether one should at all: pure, with time as an argument."""
