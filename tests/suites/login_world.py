"""A configuration whose routes log browsers in, and a suite about it."""

LOGIN_ESTATE = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}
  partner: {issuer: "https://partner.example", discovery: true, audiences: [orders]}
upstreams:
  orders: {servers: ["http://10.0.0.7:8000"]}
login:
  web:
    issuer: main
    origins: ["https://app.example", "http://localhost:8080"]
    client_id: web
    client_auth: none
    scopes: [openid, offline_access, orders:read]
  staff:
    issuer: partner
    origins: ["https://staff.example"]
    client_id: staff
    client_auth: none
    scopes: [openid, offline_access]
routes:
  - name: app
    match: {path_prefix: /app/}
    upstream: orders
    login: [web, staff]
    require: {scopes: [orders:read]}
    upgrades: [websocket]
  - {name: maybe, match: {path: /maybe}, upstream: orders, login: web, require: {optional: true}}
  - {name: api, match: {path: /api}, upstream: orders, require: {}}
"""

LOGIN_SUITE = """\
version: 1
gateway: gateway.yaml
personas:
  nobody: {anonymous: true}
  visitor: {anonymous: true, browser: navigation}
  alice: {issuer: main, claims: {scope: "orders:read"}}
  page: {extends: alice, session: web}
  person: {extends: page, browser: navigation}
  victim: {extends: page, browser: other-site}
  beginner: {extends: page, claims: {scope: ""}}
tests:
  - name: reading
    request: GET https://app.example/app/7
    expect:
      nobody: login_required
      visitor: login
      alice: allow
      page: {allow: {absent: [Authorization, Cookie], headers: {X-Gateway-Subject: page}}}
      person: allow
      victim: allow
      beginner: scope_missing
  - name: writing
    request: POST https://app.example/app/7
    expect:
      nobody: login_required
      visitor: login_required
      alice: allow
      page: {allow: {absent: [X-CSRF]}}
      person: csrf_refused
      victim: csrf_refused
      beginner: scope_missing
  - name: a host without a login
    request: GET https://api.example/app/7
    expect: {alice: allow, others: login_misdirected}
  - name: its own paths
    request: GET https://app.example/oauth/userinfo
    expect: {others: login}
  - name: everybody
    request: GET https://app.example/maybe
    expect: {others: allow}
"""
