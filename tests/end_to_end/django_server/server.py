"""An authorization server of Django and django-oauth-toolkit: opaque tokens, and introspection.

Runs on a free port of loopback until its standard input ends; prints its URL. Its two clients are
``shop``, which gets tokens, and ``gateway``, which asks about them; both have the same secret.
"""

import os
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

SECRET = "a-secret-of-both-clients"

settings.configure(
    DEBUG=False,
    ALLOWED_HOSTS=["127.0.0.1"],
    SECRET_KEY="only-for-tests",
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1]}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    OAUTH2_PROVIDER={
        "SCOPES": {"api:read": "Read", "introspection": "Introspect"},
        "ACCESS_TOKEN_EXPIRE_SECONDS": 600,
    },
    USE_TZ=True,
)
django.setup()

urlpatterns = [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        """Write nothing."""


def main() -> None:
    call_command("migrate", verbosity=0)
    from oauth2_provider.models import get_application_model  # noqa: PLC0415 - after the set-up

    for name in ("shop", "gateway"):
        get_application_model().objects.create(
            name=name,
            client_id=name,
            client_secret=SECRET,
            client_type="confidential",
            authorization_grant_type="client-credentials",
        )
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
