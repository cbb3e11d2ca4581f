"""How many requests there may be in a time: the generic cell rate algorithm, and who counts."""
