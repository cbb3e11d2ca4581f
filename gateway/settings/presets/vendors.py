"""The presets, one for each vendor whose issuers need more than discovery and an audience."""

import re
from typing import Final

from gateway.settings.presets.preset import OwnKey, Parameter, Preset

_GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = rf"({_LABEL}\.)+[a-z]{{2,63}}"
_SLUG = r"[A-Za-z0-9_-]{1,100}"
_URL = r"https?://[^\s/?#@]+"

_API = OwnKey(
    "audiences", "the identifier of the API, as its tokens have it in `aud`",
    "[https://api.example.com]",
)  # fmt: skip


def _domain(vendor: str, example: str) -> Parameter:
    meaning = f"the domain of {vendor}, in lower case and without `https://`"
    return Parameter("domain", meaning, example, re.compile(_DOMAIN))


_KEYCLOAK = Preset(
    "keycloak",
    "Keycloak",
    """
issuer: <realm>
discovery: true
algorithms: [RS256]
""",
    (
        Parameter(
            "realm",
            "the URL of the realm, without a slash at its end",
            "https://login.example.com/realms/shop",
            re.compile(rf"{_URL}(/[^\s?#]+)?/realms/[^\s/?#]+"),
        ),
    ),
    (_API,),
)

_AUTH0 = Preset(
    "auth0",
    "Auth0",
    """
issuer: https://<domain>/
discovery: true
algorithms: [RS256]
""",
    (_domain("the Auth0 tenant", "shop.eu.auth0.com"),),
    (_API,),
)

_ENTRA = Preset(
    "entra",
    "Microsoft Entra ID",
    """
issuer: https://login.microsoftonline.com/<tenant>/v2.0
discovery: true
audiences: [<app>, "api://<app>"]
algorithms: [RS256]
""",
    (
        Parameter(
            "tenant",
            "the ID of the tenant, a GUID in lower case (`iss` never has its domain)",
            "72f988bf-86f1-41af-91ab-2d7cd011db47",
            re.compile(_GUID),
        ),
        Parameter(
            "app",
            "the application (client) ID of the API, a GUID in lower case",
            "1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9",
            re.compile(_GUID),
        ),
    ),
)

_OKTA = Preset(
    "okta",
    "Okta",
    """
issuer: https://<domain>/oauth2/<server>
discovery: true
algorithms: [RS256]
""",
    (
        _domain("the Okta organization", "shop.okta.com"),
        Parameter(
            "server",
            "the ID of a custom authorization server, as at the end of its issuer URI",
            "aus4k2l9x1Yz8Q7W5d7",
            re.compile(_SLUG),
            "default",
        ),
    ),
    (_API,),
)

_COGNITO = Preset(
    "cognito",
    "Amazon Cognito",
    """
issuer: https://cognito-idp.<region>.amazonaws.com/<user_pool>
discovery: true
audiences: unchecked
algorithms: [RS256]
""",
    (
        Parameter(
            "user_pool",
            "the ID of a user pool, which begins with its region",
            "eu-west-1_a1B2c3D4e",
            re.compile(r"(?P<region>[a-z]{2}(-[a-z]+)+-[0-9])_[0-9A-Za-z]{1,55}"),
        ),
    ),
)

_ZITADEL = Preset(
    "zitadel",
    "Zitadel",
    """
issuer: https://<domain>
discovery: true
audiences: [<project>]
algorithms: [RS256]
""",
    (
        _domain("the Zitadel instance", "shop-a1b2c3.zitadel.cloud"),
        Parameter(
            "project",
            "the resource ID of the project, digits in quotes",
            '"294612345678901234"',
            re.compile("[0-9]{10,25}"),
        ),
    ),
)

_FIREBASE = Preset(
    "firebase",
    "Firebase",
    """
issuer: https://securetoken.google.com/<project>
discovery: true
audiences: [<project>]
algorithms: [RS256]
""",
    (
        Parameter(
            "project",
            "the ID of the Firebase project, which is neither its name nor its number",
            "shop-4f2a1",
            re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]"),
        ),
    ),
)

_SUPABASE = Preset(
    "supabase",
    "Supabase",
    """
issuer: https://<project>.supabase.co/auth/v1
jwks_url: https://<project>.supabase.co/auth/v1/.well-known/jwks.json
audiences: [authenticated]
algorithms: [ES256, RS256]
""",
    (
        Parameter(
            "project",
            "the reference of the Supabase project, 20 small letters",
            "abcdefghijklmnopqrst",
            re.compile("[a-z]{20}"),
        ),
    ),
)

_GITHUB_ACTIONS = Preset(
    "github_actions",
    "GitHub Actions",
    """
issuer: https://token.actions.githubusercontent.com
discovery: true
algorithms: [RS256]
""",
    (),
    (_API,),
)

PRESETS: Final = {
    preset.name: preset
    for preset in (
        _KEYCLOAK,
        _AUTH0,
        _ENTRA,
        _OKTA,
        _COGNITO,
        _ZITADEL,
        _FIREBASE,
        _SUPABASE,
        _GITHUB_ACTIONS,
    )
}
