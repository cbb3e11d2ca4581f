"""Bytes that pass through: request bodies, tunnels and WebSocket frames."""
