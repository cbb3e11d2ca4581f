"""Build the issuers: what their tokens must be, where their keys are, which routes they reach."""
