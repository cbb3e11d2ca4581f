"""The flows of a browser login, as they are drawn in `docs/flows.md`."""
