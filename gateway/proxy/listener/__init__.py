"""The listening sockets, their accepted connections, and the drain."""
