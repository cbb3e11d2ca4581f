"""The pure core: one request in, one verdict out; no I/O, no clock, no logger."""
