"""Read what clients send to the development issuer, without any I/O."""
