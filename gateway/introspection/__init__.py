"""Ask issuers about their tokens, and remember what they say for a while."""
