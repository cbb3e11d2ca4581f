// The certified OpenID provider as an issuer of real tokens, on two loopback ports.
//
// Usage: node provider.mjs PORT CONTROL_PORT KEYS_FILE [SETTINGS]   (port 0 asks for a free one)
//
// It prints one line of JSON when it serves: {"issuer": …, "port": …, "control": …}.
// KEYS_FILE holds the private keys, so that a provider that comes back signs as before.
// SETTINGS is JSON, merged into `settings` below. At the control address
//   POST rotates the keys: the new one signs, the old ones stay published;
//   PATCH with JSON changes settings while it runs; what was issued stays.
//
// Clients (secrets are `ID-secret-of-the-end-to-end-tests`); change any by {"clients": {ID: {…}}}:
//   shop       server to server, secret by basic
//   shop-post  the same, secret in the form
//   shop-key   the same, private_key_jwt: needs {"clients": {"shop-key": {"jwks": {"keys": […]}}}}
//   spa        a browser app without a secret: code with PKCE, refresh; needs redirect_uris
//   native     a native app without a secret: http://127.0.0.1/callback at any port
//   tv         a device without a secret: device authorization, refresh
//   web        browser login at the gateway, secret by basic: code with PKCE, refresh; needs
//              redirect_uris, and may have post_logout_redirect_uris and backchannel_logout_uri
//   web-key    the same with private_key_jwt; needs jwks, too
//   relay      a gateway, secret by basic: its own tokens for https://internal.example.test, and
//              by token exchange (RFC 8693) those of callers; relay-key the same with private_key_jwt
// People: alice and bob, with the password `NAME-password`; `acr` is `urn:pwd`, or `urn:mfa` for
// who also enters the one-time code 123456 (asked for where `acr_values` has urn:mfa).
//
// The resource for which access tokens are JWTs is https://orders.example.test, with the scopes
// orders:read and orders:write. It must be named in the authorization and in the token request
// (RFC 8707 §2.2): else the access token is opaque, for the userinfo endpoint.
// Every code comes with a refresh token, which is used up when it is used; one that is used twice
// ends the grant.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { createLocalJWKSet, jwtVerify } from 'jose';
import Provider, { errors, interactionPolicy } from 'oidc-provider';

import { devicePages, logoutPages, serveInteraction } from './pages.mjs';

const [port, controlPort, keysFile, given = '{}'] = process.argv.slice(2);

const RESOURCE = 'https://orders.example.test';
const INTERNAL = 'https://internal.example.test';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

let settings = {
  host: '127.0.0.1', // of the issuer: cookies know no ports, so a browser may need another name
  issuer: null, // the whole issuer, if something stands in front of it
  accessTokenSeconds: 600,
  refreshTokenSeconds: 3600,
  idTokenSeconds: 600,
  rotate: true, // refresh tokens, when they are used
  pushed: true, // offer pushed authorization requests
  requirePushed: false,
  sendsIss: true, // RFC 9207
  clients: {},
  unwelcome: [], // whose tokens are not exchanged, by `sub`
};

function secretOf(id) {
  return `${id}-secret-of-the-end-to-end-tests`;
}

const SERVER = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] };
const RELAY = { ...SERVER, grant_types: ['client_credentials', EXCHANGE] };
const CODE = {
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
};
const PUBLIC = { token_endpoint_auth_method: 'none' };
const SIGNED = { token_endpoint_auth_method: 'private_key_jwt' };

// Without what only tests know, a client cannot be registered, and is left out.
const CLIENTS = {
  shop: { ...SERVER, client_secret: secretOf('shop') },
  'shop-post': {
    ...SERVER,
    client_secret: secretOf('shop-post'),
    token_endpoint_auth_method: 'client_secret_post',
  },
  'shop-key': { ...SERVER, ...SIGNED },
  spa: { ...CODE, ...PUBLIC },
  native: {
    ...CODE,
    ...PUBLIC,
    application_type: 'native',
    redirect_uris: ['http://127.0.0.1/callback'],
  },
  tv: {
    ...PUBLIC,
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    redirect_uris: [],
    response_types: [],
  },
  web: {
    ...CODE,
    client_secret: secretOf('web'),
    require_auth_time: true,
    backchannel_logout_session_required: true,
  },
  'web-key': { ...CODE, ...SIGNED, require_auth_time: true },
  relay: { ...RELAY, client_secret: secretOf('relay') },
  'relay-key': { ...RELAY, ...SIGNED },
};

function registeredClients() {
  return Object.entries(CLIENTS)
    .map(([id, client]) => ({
      client_id: id,
      client_name: id,
      id_token_signed_response_alg: 'ES256',
      ...client,
      ...settings.clients[id],
    }))
    .filter((client) => client.redirect_uris)
    .filter((client) => client.token_endpoint_auth_method !== 'private_key_jwt' || client.jwks);
}

function makeKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: randomUUID() };
}

// RFC 8707: the services that tokens are made for, and what can be asked of them.
function getResourceServerInfo(ctx, resource) {
  const isInternal = resource === INTERNAL;
  return {
    audience: isInternal ? INTERNAL : RESOURCE,
    scope: isInternal ? 'internal:read' : 'orders:read orders:write',
    accessTokenFormat: 'jwt',
    accessTokenTTL: settings.accessTokenSeconds,
    jwt: { sign: { alg: 'ES256' } },
  };
}

// RFC 9470 §6.2: how and when a person logged in is in access tokens, too.
function extraTokenClaims(ctx) {
  const { AuthorizationCode, RefreshToken, DeviceCode } = ctx.oidc.entities;
  const source = RefreshToken ?? AuthorizationCode ?? DeviceCode;
  return source === undefined ? undefined : { acr: source.acr, auth_time: source.authTime };
}

function findAccount(ctx, id) {
  return {
    accountId: id,
    claims: () => ({ sub: id, name: id[0].toUpperCase() + id.slice(1), email: `${id}@example.test` }),
  };
}

// A session with less than one of `acr_values` logs in again.
function policyWithStepUp() {
  const policy = interactionPolicy.base();
  const { Check } = interactionPolicy;
  policy.get('login').checks.add(
    new Check('acr_values', 'a better authentication is required', (ctx) => {
      const wanted = ctx.oidc.params.acr_values?.split(' ') ?? [];
      return wanted.length > 0 && !wanted.includes(ctx.oidc.acr) && !ctx.oidc.result?.login
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT;
    }),
  );
  return policy;
}

// RFC 8693: a caller's token for the orders becomes one of the same caller for what is behind them.
async function exchangeToken(provider, issuer, keys, ctx) {
  const { client, params } = ctx.oidc;
  if (params.subject_token_type !== ACCESS_TOKEN || params.requested_token_type !== ACCESS_TOKEN) {
    throw new errors.InvalidRequest('only access tokens are exchanged');
  }
  if (params.actor_token !== undefined) throw new errors.InvalidRequest('no actor is accepted');
  if (params.resource !== INTERNAL) throw new errors.InvalidTarget();
  const published = createLocalJWKSet({ keys: keys.map(({ d, ...half }) => half) });
  const verified = await jwtVerify(params.subject_token, published, {
    issuer, audience: RESOURCE, typ: 'at+jwt',
  }).catch(() => {
    throw new errors.InvalidRequest('the subject token is not valid');
  });
  const { sub } = verified.payload;
  if (settings.unwelcome.includes(sub)) throw new errors.InvalidGrant('not for this subject');
  const token = new provider.AccessToken({ accountId: sub, client, scope: 'internal:read' });
  const info = getResourceServerInfo(ctx, INTERNAL);
  token.resourceServer = new provider.ResourceServer(INTERNAL, info);
  ctx.body = {
    access_token: await token.save(),
    issued_token_type: ACCESS_TOKEN,
    token_type: 'Bearer',
    expires_in: token.expiration,
    scope: token.scope,
  };
}

function makeProvider(issuer, keys) {
  const seconds = 600;
  const made = new Provider(issuer, {
    clients: registeredClients(),
    // Which ES256 key signs is decided by the order: the first one.
    jwks: { keys },
    scopes: ['openid', 'offline_access', 'orders:read', 'orders:write', 'internal:read'],
    claims: {
      openid: ['sub'], profile: ['name'], email: ['email'], acr: null, auth_time: null, sid: null,
    },
    acrValues: ['urn:pwd', 'urn:mfa'],
    clientAuthMethods: [
      'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none',
    ],
    conformIdTokenClaims: false,
    cookies: { keys: ['signs-cookies-of-the-end-to-end-tests'] },
    extraTokenClaims,
    findAccount,
    interactions: { policy: policyWithStepUp(), url: (ctx, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    pkce: { required: () => true },
    rotateRefreshToken: () => settings.rotate,
    renderError(ctx, out) {
      ctx.type = 'text';
      ctx.body = `${out.error}: ${out.error_description}\n`;
    },
    ttl: {
      AccessToken: settings.accessTokenSeconds,
      AuthorizationCode: 60,
      DeviceCode: seconds,
      Grant: 86400,
      IdToken: settings.idTokenSeconds,
      Interaction: seconds,
      RefreshToken: settings.refreshTokenSeconds,
      Session: 86400,
    },
    features: {
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      deviceFlow: { enabled: true, ...devicePages },
      pushedAuthorizationRequests: {
        enabled: settings.pushed,
        requirePushedAuthorizationRequests: settings.requirePushed,
      },
      resourceIndicators: { enabled: true, getResourceServerInfo },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: true, ...logoutPages },
    },
  });
  made.registerGrantType(
    EXCHANGE,
    (ctx) => exchangeToken(made, issuer, keys, ctx),
    ['subject_token', 'subject_token_type', 'requested_token_type', 'actor_token',
      'actor_token_type', 'audience', 'resource', 'scope'],
  );
  return made;
}

function listen(server, wanted) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(wanted), '127.0.0.1', () => resolve(server.address().port));
  });
}

let keys = existsSync(keysFile) ? JSON.parse(readFileSync(keysFile, 'utf8')) : [makeKey()];
let provider;
let answer;

// What was issued, sessions included, is kept by the library outside of its Provider.
function serve() {
  writeFileSync(keysFile, JSON.stringify(keys));
  provider = makeProvider(issuer, keys);
  answer = provider.callback();
}

function change(changes) {
  const clients = { ...settings.clients };
  for (const [id, client] of Object.entries(changes.clients ?? {})) {
    clients[id] = { ...clients[id], ...client };
  }
  settings = { ...settings, ...changes, clients };
}

const server = createServer((request, response) => {
  if (request.url.startsWith('/interaction/')) {
    serveInteraction(provider, request, response);
  } else if (!settings.sendsIss && request.url.startsWith('/auth')) {
    withoutIss(request, response);
  } else {
    answer(request, response);
  }
});

// The library always sends `iss`; a server of before RFC 9207 does not.
function withoutIss(request, response) {
  const setHeader = response.setHeader.bind(response);
  response.setHeader = (name, value) => setHeader(
    name,
    name.toLowerCase() === 'location' ? value.replace(/&iss=[^&]*/, '') : value,
  );
  answer(request, response);
}

change(JSON.parse(given));
const listensAt = await listen(server, port);
const issuer = settings.issuer ?? `http://${settings.host}:${listensAt}`;
serve();

async function bodyOf(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return text;
}

const control = createServer(async (request, response) => {
  if (request.method === 'POST') {
    keys = [makeKey(), ...keys];
    serve();
    response.writeHead(200).end(keys[0].kid);
  } else if (request.method === 'PATCH') {
    try {
      change(JSON.parse(await bodyOf(request)));
      serve();
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(400).end(error.message);
    }
  } else {
    response.writeHead(405).end();
  }
});
const controlAddress = `http://127.0.0.1:${await listen(control, controlPort)}`;

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
console.log(JSON.stringify({ issuer, port: listensAt, control: controlAddress }));
