"""The shape of a configuration file, as pydantic models."""
