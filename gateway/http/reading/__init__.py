"""What is read of a message: its head, its fields, and what they mean."""
