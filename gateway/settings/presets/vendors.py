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
scopes_from: [scope, {claim: realm_access.roles, prefix: "role:"}]
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

_ENTRA_APP = Parameter(
    "app",
    "the application (client) ID of the API, a GUID in lower case",
    "1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9",
    re.compile(_GUID),
)
_ENTRA_TOKENS = """
audiences: [<app>, "api://<app>"]
algorithms: [RS256]
scopes_from: [scp, roles]
# No ID token has these, and every access token has one of them.
require: {claims: {any: [{azp: {exists: true}}, {appid: {exists: true}}]}}
"""

_ENTRA = Preset(
    "entra",
    "Microsoft Entra ID",
    f"""
issuer: https://login.microsoftonline.com/<tenant>/v2.0
also_issued_as: ["https://sts.windows.net/<tenant>/"]
discovery: true
{_ENTRA_TOKENS}""",
    (
        Parameter(
            "tenant",
            "the ID of the tenant, a GUID in lower case (not its domain;"
            " `entra_multitenant` is for several)",
            "72f988bf-86f1-41af-91ab-2d7cd011db47",
            re.compile(_GUID),
        ),
        _ENTRA_APP,
    ),
)

_ENTRA_MULTITENANT = Preset(
    "entra_multitenant",
    "Microsoft Entra ID, for several tenants",
    f"""
issuer: https://login.microsoftonline.com/{{tenantid}}/v2.0
also_issued_as: ["https://sts.windows.net/{{tenantid}}/"]
discovery_url: https://login.microsoftonline.com/organizations/v2.0/.well-known/openid-configuration
{_ENTRA_TOKENS}""",
    (_ENTRA_APP,),
    (
        OwnKey(
            "tenants",
            "the IDs of the accepted tenants, GUIDs in lower case",
            "{allow: [72f988bf-86f1-41af-91ab-2d7cd011db47]}",
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
require: {claims: {token_use: {equals: access}, client_id: {in: <clients>}}}
""",
    (
        Parameter(
            "user_pool",
            "the ID of a user pool, which begins with its region",
            "eu-west-1_a1B2c3D4e",
            re.compile(r"(?P<region>[a-z]{2}(-[a-z]+)+-[0-9])_[0-9A-Za-z]{1,55}"),
        ),
        Parameter(
            "clients",
            "the IDs of the app clients that may call",
            "[4d5e6f7a8b9c0d1e2f3a4b5c6d]",
            re.compile(r"[a-z0-9]{1,128}"),
            many=True,
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
# ID tokens name the project in `aud` as well, and have no `jti`.
require: {claims: {jti: {exists: true}}}
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
# Everybody on GitHub can get a token for any audience.
require: {claims: {repository_owner_id: {equals: <owner_id>}}}
""",
    (
        Parameter(
            "owner_id",
            "the ID of the owner of the repositories, digits in quotes",
            '"123456"',
            re.compile("[0-9]{1,20}"),
        ),
    ),
    (_API,),
)

_GOOGLE_IAP = Preset(
    "google_iap",
    "Google Identity-Aware Proxy",
    """
issuer: https://cloud.google.com/iap
jwks_url: https://www.gstatic.com/iap/verify/public_key-jwk
algorithms: [ES256]
""",
    (),
    (
        OwnKey(
            "audiences",
            "the audience of the service behind the proxy",
            "[/projects/123456789012/global/backendServices/4567890123456789012]",
        ),
    ),
)

_AUTHENTIK = Preset(
    "authentik",
    "authentik",
    """
issuer: <application>
discovery: true
algorithms: [RS256]
# Access tokens have the `nonce` of the login, `azp` = `aud`, and, unlike ID tokens, `uid`.
id_token_signals: [at_hash, c_hash, token_use, typ]
require: {claims: {uid: {exists: true}}}
""",
    (
        Parameter(
            "application",
            "the issuer of the provider, with the slash at its end",
            "https://auth.example.com/application/o/shop/",
            re.compile(rf"{_URL}(/[^\s?#]+)?/application/o/[A-Za-z0-9_-]+/"),
        ),
    ),
    (OwnKey("audiences", "the client ID of the provider", "[wQ5tR8Jm2Xy7Lp4Vb]"),),
)

_DEX = Preset(
    "dex",
    "Dex",
    """
discovery: true
algorithms: [RS256]
# Access tokens are ID tokens of the code flow, with `at_hash` and `nonce`.
id_token_signals: [c_hash, token_use, typ, azp]
""",
    (),
    (
        OwnKey("issuer", "the issuer in the configuration of Dex", "https://dex.example.com"),
        OwnKey("audiences", "the IDs of the clients that may call", "[web-shop]"),
    ),
)

_GOOGLE = Preset(
    "google",
    "Google service accounts",
    """
issuer: https://accounts.google.com
discovery: true
algorithms: [RS256]
# Everybody with a project can get a token for any audience.
require: {claims: {email: {in: <accounts>}, email_verified: {equals: true}}}
""",
    (
        Parameter(
            "accounts",
            "the email addresses of the service accounts that may call",
            "[job@shop-4f2a1.iam.gserviceaccount.com]",
            re.compile(rf"[a-z0-9][a-z0-9.-]*@{_DOMAIN}"),
            many=True,
        ),
    ),
    (_API,),
)

PRESETS: Final = {
    preset.name: preset
    for preset in (
        _KEYCLOAK,
        _AUTH0,
        _ENTRA,
        _ENTRA_MULTITENANT,
        _OKTA,
        _COGNITO,
        _GOOGLE_IAP,
        _GOOGLE,
        _ZITADEL,
        _AUTHENTIK,
        _DEX,
        _FIREBASE,
        _SUPABASE,
        _GITHUB_ACTIONS,
    )
}
