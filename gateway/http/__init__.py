"""HTTP/1.1 heads, read and written, without a connection."""
