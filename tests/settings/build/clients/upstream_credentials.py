"""Configurations whose upstream has credentials."""

from tests.settings.configs import ROUTES, config

NAMES = {"own": "client_credentials", "exchange": "token_exchange"}
CLIENT = {"issuer": "main", "client_id": "gateway", "client_secret": '"${CLIENT_SECRET}"'}


def with_credentials(grant: str, extra: str = "", routes: str = ROUTES, **keys: str) -> str:
    """Return a configuration with credentials for `orders`; an empty key is left out.

    *grant* is `own`, `exchange`, or the whole value.
    """
    client = ", ".join(f"{key}: {value}" for key, value in (CLIENT | keys).items() if value)
    value = f"{{{NAMES[grant]}: {{{client}}}}}" if grant in NAMES else grant
    servers = '{servers: ["http://10.0.0.7:8000"], credentials: '
    return config(extra, upstreams=f"upstreams:\n  orders: {servers}{value}}}\n", routes=routes)
