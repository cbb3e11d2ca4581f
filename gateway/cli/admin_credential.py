"""Find the token that the admin port asks for."""

import os
from collections.abc import Mapping
from pathlib import Path

from gateway.cli.admin_address import admin_token
from gateway.cli.explain_caller import read_token


def admin_credential(token_source: str | None, path: Path | None) -> Mapping[str, str]:
    """Return the header fields that show the token in *token_source*.

    Without a source it is the one in the variable that the configuration at *path* names;
    without a path, or where it names none, there are no such fields. Raises UnreadableError.
    """
    token: str | None = None
    if token_source is not None:
        token = read_token(token_source, "--admin-token").decode("latin-1")
    elif path is not None:
        token = admin_token(path, os.environ)
    return {} if token is None else {"Authorization": f"Bearer {token}"}
