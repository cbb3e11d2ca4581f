"""What is written down about an exchange: log lines, counts and spans."""
