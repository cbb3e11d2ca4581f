"""Why a request is decided as it is, step by step."""
