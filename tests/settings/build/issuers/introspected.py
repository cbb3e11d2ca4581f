"""Configurations with an issuer that introspects."""

from tests.settings.configs import config


def issuer(name: str = "idp", keys: str = "", more: str = "", client: str = "") -> str:
    """Return an issuer; *keys* are more of its own, *more* those of its introspection."""
    client = client or 'client_id: gateway, client_secret: "${CLIENT_SECRET}"'
    return f"""\
  {name}:
    issuer: "https://{name}.example/"
    audiences: [orders]
{keys}    introspection: {{{client}{more}}}
"""


def introspected(keys: str = "", more: str = "", client: str = "") -> str:
    """Return a configuration with one such issuer."""
    return config(issuers="issuers:\n" + issuer("idp", keys, more, client))
