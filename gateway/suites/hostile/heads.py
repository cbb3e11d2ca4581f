"""Write the head of a request, whatever is in it."""

from gateway.suites.request import AskedRequest

Field = tuple[bytes, bytes]


def write_head(request: AskedRequest, *fields: Field) -> bytes:
    """Return the head of *request* with *fields* besides its own, in front of them."""
    own = ((name.encode(), value.encode()) for name, value in request.headers)
    lines = [
        b"%b %b HTTP/1.1" % (request.method.encode(), request.target),
        b"Host: " + request.authority.encode(),
        *(name + b": " + value for name, value in (*fields, *own)),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def authorization(*credentials: bytes) -> tuple[Field, ...]:
    """Return one Authorization field for each of *credentials*."""
    return tuple((b"Authorization", credential) for credential in credentials)


def show(request: AskedRequest) -> str:
    """Return the request line of what may be no request, for people."""
    if request.target.startswith(b"/"):
        return request.line
    return f"{request.method} {request.target.decode('latin-1')} (Host: {request.authority})"
