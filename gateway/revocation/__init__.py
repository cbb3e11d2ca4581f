"""Have the lists of tokens at hand that ended before their time."""
