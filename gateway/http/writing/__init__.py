"""What is written: heads of requests and responses, refusals, challenges."""
