"""The admin port: probes, metrics, status, explanations."""
