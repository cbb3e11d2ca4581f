"""Read the Host of a request into its one canonical form."""


def canonical_host(value: bytes) -> str | None:
    """Return *value* in lower case without port and trailing dot, or None if it is not a host.

    Refuses the empty value, user information, commas, paths and anything else that RFC 3986
    §3.2.2 (reg-name, IPv4, bracketed IPv6; port of at most five digits) does not allow.
    """
    raise NotImplementedError
