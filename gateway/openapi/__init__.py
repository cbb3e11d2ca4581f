"""OpenAPI descriptions: who may call which operation, and what a gateway does instead."""
