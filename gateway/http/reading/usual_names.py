"""The field names of usual requests and responses, in the spellings that software sends."""

from collections.abc import Iterator
from typing import Final

_SHARED: Final = """
    Cache-Control Connection Content-Digest Content-Encoding Content-Language Content-Length
    Content-Location Content-Type Date Digest Keep-Alive Link Pragma Priority Trailer
    Transfer-Encoding Upgrade Via Warning X-Correlation-ID X-Request-ID
    Sec-WebSocket-Extensions Sec-WebSocket-Protocol
"""

_REQUEST: Final = """
    A-IM Accept Accept-Charset Accept-Encoding Accept-Language Access-Control-Request-Headers
    Access-Control-Request-Method Authorization B3 Baggage CF-Connecting-IP CF-IPCountry CF-Ray
    CF-Visitor CDN-Loop Cookie DNT DPoP Expect Forwarded From Host Idempotency-Key If-Match
    If-Modified-Since If-None-Match If-Range If-Unmodified-Since Last-Event-ID Max-Forwards Origin
    Prefer Proxy-Authorization Proxy-Connection Range Referer SOAPAction Save-Data Sec-CH-UA
    Sec-CH-UA-Arch Sec-CH-UA-Bitness Sec-CH-UA-Full-Version-List Sec-CH-UA-Mobile Sec-CH-UA-Model
    Sec-CH-UA-Platform Sec-CH-UA-Platform-Version Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site
    Sec-Fetch-User Sec-GPC Sec-WebSocket-Key Sec-WebSocket-Version TE Traceparent Tracestate
    True-Client-IP Upgrade-Insecure-Requests User-Agent X-API-Key
    X-Amz-Cf-Id X-Amzn-Trace-Id X-Api-Version
    X-B3-ParentSpanId X-B3-Sampled X-B3-SpanId X-B3-TraceId X-CSRF-Token X-Cloud-Trace-Context
    X-Device-Id X-Envoy-External-Address X-Envoy-Attempt-Count X-Forwarded-For X-Forwarded-Host
    X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Proto X-Forwarded-Server
    X-HTTP-Method-Override X-Original-URL X-Real-IP X-Request-Start X-Requested-With X-Scheme
    X-Tenant-Id X-Trace-Id X-XSRF-Token
"""

_ANSWER: Final = """
    Accept-Patch Accept-Post Accept-Ranges Access-Control-Allow-Credentials
    Access-Control-Allow-Headers Access-Control-Allow-Methods Access-Control-Allow-Origin
    Access-Control-Expose-Headers Access-Control-Max-Age Age Allow Alt-Svc Clear-Site-Data
    Content-Disposition Content-MD5 Content-Range Content-Security-Policy
    Content-Security-Policy-Report-Only Cross-Origin-Embedder-Policy Cross-Origin-Opener-Policy
    Cross-Origin-Resource-Policy Deprecation ETag Expires Last-Modified Location NEL
    Origin-Agent-Cluster Permissions-Policy Proxy-Authenticate RateLimit RateLimit-Limit
    RateLimit-Policy RateLimit-Remaining RateLimit-Reset Referrer-Policy Refresh Report-To
    Reporting-Endpoints Retry-After Sec-WebSocket-Accept Server Server-Timing Set-Cookie
    Strict-Transport-Security Sunset Timing-Allow-Origin Vary WWW-Authenticate X-Cache
    X-Content-Type-Options X-DNS-Prefetch-Control X-Download-Options X-Frame-Options
    X-Permitted-Cross-Domain-Policies X-Powered-By X-RateLimit-Limit X-RateLimit-Remaining
    X-RateLimit-Reset X-Request-Id X-Response-Time X-Runtime X-XSS-Protection
"""


def _spellings(*texts: str) -> Iterator[bytes]:
    """Yield each name as its standard spells it, in lower case, and as Go and Java spell it."""
    for name in " ".join(texts).split():
        yield name.encode()
        yield name.lower().encode()
        yield name.title().encode()


USUAL_IN_REQUESTS: Final = frozenset(_spellings(_SHARED, _REQUEST))
USUAL_IN_RESPONSES: Final = frozenset(_spellings(_SHARED, _ANSWER))
