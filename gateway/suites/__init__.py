"""Ask the decision about requests, with tokens made for the run and a clock that stands still."""
