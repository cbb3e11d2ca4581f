"""Log browsers in at an issuer, and keep their tokens in sessions."""
