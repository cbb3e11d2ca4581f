"""What is doubtful about a configuration that holds."""
