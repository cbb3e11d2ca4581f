"""YAML in, frozen values out; every fault at once, with its place."""
