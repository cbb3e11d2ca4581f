"""The paths of the development issuer."""

# Where clients look for metadata: OpenID Connect Discovery §4, RFC 8414 §3.
OPENID_PATH = "/.well-known/openid-configuration"
OAUTH_PATH = "/.well-known/oauth-authorization-server"
JWKS_PATH = "/jwks"

AUTHORIZATION_PATH = "/authorize"
CONSENT_PATH = "/authorize/answer"
PUSHED_PATH = "/par"
TOKEN_PATH = "/token"  # noqa: S105 - a path, not a secret
DEVICE_AUTHORIZATION_PATH = "/device_authorization"
DEVICE_PATH = "/device"
DEVICE_ANSWER_PATH = "/device/answer"
LOGOUT_PATH = "/logout"
LOGOUT_ANSWER_PATH = "/logout/answer"

# For tests and demonstrations: a new signing key, the end of sessions, the key of a client.
ROTATE_PATH = "/rotate"
END_SESSIONS_PATH = "/end-sessions"
JOBS_KEY_PATH = "/jobs-key.pem"
