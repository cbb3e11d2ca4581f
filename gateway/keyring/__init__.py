"""Have every issuer's keys at hand before they are asked for."""
