"""What is read of a head, and what is written: HTTP/1.1 without a connection."""
