"""A service for the demo: it responds with the request that it received."""

import json

from aiohttp import web

_MAX_BODY_BYTES = 1024 * 1024


def echo_application(name: str) -> web.Application:
    """Return a service called *name* that answers each request with that request, as JSON.

    Header fields are a list of pairs in the order of arrival, so that a repeated field shows.
    """

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        seen = {
            "service": name,
            "method": request.method,
            "target": request.raw_path,
            "headers": [
                [field.decode("latin-1"), value.decode("latin-1")]
                for field, value in request.raw_headers
            ],
            "body": body.decode("utf-8", "backslashreplace"),
        }
        return web.Response(text=json.dumps(seen, indent=2) + "\n", content_type="application/json")

    application = web.Application(client_max_size=_MAX_BODY_BYTES)
    application.router.add_route("*", "/{tail:.*}", answer)
    return application
