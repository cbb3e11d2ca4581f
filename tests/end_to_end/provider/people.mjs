// The certified OpenID provider with people who log in: its own page, sessions, refresh tokens
// that are used once, and back-channel logout.
//
// Usage: node people.mjs CLIENTS_FILE [ISSUER]
//
// CLIENTS_FILE holds the clients' metadata as JSON; ISSUER is its name if it is reached by another
// address than its own. It prints one line of JSON when it serves: {"issuer": …, "control": …,
// "address": …}. The control address takes JSON by POST:
//
//   /people    {NAME: {seconds, isLost}}      how long the access tokens of a person's logins live
//                                             (refreshed ones live long); whether refreshes fail
//   /names     {"app.example.test": 8443}     which loopback port a host name of a client is at
//   /logout    {client, subject}              ends the person's sessions there, by the back channel
//
// GET /seen returns for each person how often each grant was exchanged, what their last
// authorization request asked for, and when their last access token expires.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http, { createServer } from 'node:http';
import https from 'node:https';

import Provider, { interactionPolicy } from 'oidc-provider';

const AUDIENCE = 'https://orders.example.test';
const SCOPES = 'orders:read orders:write';
const STRONG = 'urn:example:two-factors';

const clients = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const LONG_SECONDS = 600;

const wishes = {};
const seen = {};
const ports = {};
const sids = {};
const pushedStates = new Set();

function seenOf(subject) {
  return (seen[subject] ??= { grants: {}, asked: {}, expiresAt: 0 });
}

function makeKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: randomUUID() };
}

// RFC 8707: the one service that tokens are made for.
function getResourceServerInfo({ oidc }) {
  const code = oidc.entities.AuthorizationCode;
  return {
    audience: AUDIENCE,
    scope: SCOPES,
    accessTokenFormat: 'jwt',
    accessTokenTTL: wishes[code?.accountId]?.seconds ?? LONG_SECONDS,
    jwt: { sign: { alg: 'ES256' } },
  };
}

// Whoever logs in grants everything: consent is no part of these tests.
async function loadExistingGrant({ oidc }) {
  const grant = new oidc.provider.Grant({
    clientId: oidc.client.clientId,
    accountId: oidc.session.accountId,
  });
  grant.addOIDCScope('openid profile');
  grant.addResourceScope(AUDIENCE, SCOPES);
  await grant.save();
  return grant;
}

function findAccount({ oidc }, subject) {
  // Before the refresh token is used up.
  if (oidc.entities.RefreshToken && wishes[subject]?.isLost) throw new Error('lost');
  const name = subject[0].toUpperCase() + subject.slice(1);
  return { accountId: subject, claims: () => ({ sub: subject, name }) };
}

function makePolicy() {
  const { Check, base } = interactionPolicy;
  const policy = base();
  policy.remove('consent');
  // RFC 9470: a stronger authentication is asked for if the session's own does not suffice.
  policy.get('login').checks.add(
    new Check('acr_values', 'a stronger authentication is required', ({ oidc }) => {
      const wanted = oidc.params.acr_values?.split(' ') ?? [];
      const suffices = wanted.length === 0 || wanted.includes(oidc.acr);
      return suffices ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT;
    }),
  );
  return policy;
}

// RFC 9470 §6: an access token says how its person authenticated, after a refresh, too.
function addAuthentication(ctx, token, parts) {
  const source = ctx.oidc.entities.AuthorizationCode ?? ctx.oidc.entities.RefreshToken;
  if (source?.acr) parts.payload.acr = source.acr;
  if (source?.authTime) parts.payload.auth_time = source.authTime;
  if (source) seenOf(source.accountId).expiresAt = parts.payload.exp;
  return parts;
}

// The clients' host names are on this machine, at ports that are not the usual ones.
function fetchFromClients(url, { method, headers, body }) {
  const { protocol, host, hostname, port, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: ports[hostname] ?? port,
      servername: hostname,
      path: pathname + search,
      method,
      headers: { ...Object.fromEntries(headers), host },
    };
    const { request: send } = protocol === 'http:' ? http : https;
    const request = send(options, (response) => {
      response.resume();
      response.on('end', () => resolve(new Response(null, { status: response.statusCode })));
    });
    request.on('error', reject);
    request.end(String(body));
  });
}

const provider = (issuer) => new Provider(issuer, {
  clients,
  jwks: { keys: [makeKey()] },
  scopes: ['openid', 'profile', 'offline_access'],
  claims: { openid: ['sub', 'sid', 'acr', 'auth_time'], profile: ['name'] },
  conformIdTokenClaims: false,
  acrValues: [STRONG],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  cookies: { keys: [randomUUID()] },
  fetch: fetchFromClients,
  findAccount,
  formats: { customizers: { jwt: addAuthentication } },
  interactions: { policy: makePolicy(), url: (ctx, { uid }) => `/interaction/${uid}` },
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  // Used once: whoever sends one again has all tokens of the grant revoked (RFC 9700 §4.14.2).
  rotateRefreshToken: true,
  loadExistingGrant,
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: false },
    pushedAuthorizationRequests: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => AUDIENCE,
      getResourceServerInfo,
      useGrantedResource: () => true,
    },
    userinfo: { enabled: false },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => {
        ctx.body = `<!doctype html><title>Log out</title>${form}
          <button form="op.logoutForm" name="logout" value="yes">Log out everywhere</button>`;
      },
    },
  },
});

async function read(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

// One page: who one is, and a second factor if the client asks for it.
async function interact(request, response) {
  const { prompt, params } = await answering.interactionDetails(request, response);
  if (request.method !== 'POST') {
    const isStrong = params.acr_values?.includes(STRONG);
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><title>Log in</title><h1>Log in</h1><form method="post">
      <input name="subject" autofocus>
      ${isStrong ? '<input name="factor" placeholder="second factor">' : ''}
      <button>Log in</button></form><p>${prompt.name}: ${prompt.reasons.join(', ')}</p>`);
    return;
  }
  const form = new URLSearchParams(await read(request));
  const login = { accountId: form.get('subject'), acr: form.get('factor') ? STRONG : '0' };
  await answering.interactionFinished(request, response, { login });
}

function watch(made) {
  made.on('grant.success', ({ oidc }) => {
    const { AuthorizationCode: code, RefreshToken: token } = oidc.entities;
    const { grants } = seenOf((code ?? token).accountId);
    grants[oidc.params.grant_type] = (grants[oidc.params.grant_type] ?? 0) + 1;
    if (code) (sids[code.accountId] ??= new Map()).set(code.sid, oidc.client);
  });
  made.on('pushed_authorization_request.success', ({ oidc }) => {
    pushedStates.add(oidc.params.state);
  });
  made.on('authorization.accepted', ({ oidc }) => {
    const asked = Object.entries(oidc.params).filter(([, value]) => value);
    const isPushed = pushedStates.has(oidc.params.state);
    seenOf(oidc.session.accountId).asked = { ...Object.fromEntries(asked), isPushed };
  });
}

const server = createServer((request, response) => {
  if (request.url.startsWith('/interaction/')) {
    interact(request, response).catch((error) => response.writeHead(400).end(error.message));
  } else {
    answering.callback()(request, response);
  }
});

async function logOut({ client, subject }) {
  const sent = [];
  for (const [sid, owner] of sids[subject] ?? []) {
    if (owner.clientId === client) sent.push(owner.backchannelLogout(subject, sid));
  }
  await Promise.all(sent);
  return sent.length;
}

const commands = {
  '/people': (body) => Object.assign(wishes, body),
  '/names': (body) => Object.assign(ports, body),
  '/logout': logOut,
  '/seen': () => seen,
};

const control = createServer(async (request, response) => {
  try {
    const body = request.method === 'POST' ? JSON.parse(await read(request)) : {};
    response.end(JSON.stringify(await commands[request.url](body)));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});

function listen(started) {
  return new Promise((resolve, reject) => {
    started.once('error', reject);
    started.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${started.address().port}`));
  });
}

const address = await listen(server);
const issuer = process.argv[3] ?? address;
const answering = provider(issuer);
watch(answering);
const controlAddress = await listen(control);

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
console.log(JSON.stringify({ issuer, control: controlAddress, address }));
