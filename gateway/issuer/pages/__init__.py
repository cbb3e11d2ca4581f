"""The pages that people see at the development issuer."""
