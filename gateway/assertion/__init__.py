"""Sign short-lived assertions about callers."""
