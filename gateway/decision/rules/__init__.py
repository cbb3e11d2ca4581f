"""Rules over scopes and claims, compiled to tests."""
