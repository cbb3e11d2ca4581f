// The certified OpenID provider as an issuer of real access tokens, on two loopback ports.
//
// Usage: node provider.mjs PORT CONTROL_PORT KEYS_FILE   (port 0 asks for a free one)
//
// It prints one line of JSON when it serves: {"issuer": …, "control": …}.
// KEYS_FILE holds the private keys, so that a provider that comes back signs as before.
// POST to the control address rotates them: the new key signs, the old ones stay published.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const [port, controlPort, keysFile] = process.argv.slice(2);

function makeKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: randomUUID() };
}

// RFC 8707: the one service that tokens are made for, and what can be asked of it.
function getResourceServerInfo() {
  return {
    audience: 'https://orders.example.test',
    scope: 'orders:read orders:write',
    accessTokenFormat: 'jwt',
    accessTokenTTL: 600,
    jwt: { sign: { alg: 'ES256' } },
  };
}

function makeProvider(issuer, keys) {
  return new Provider(issuer, {
    clients: [
      {
        client_id: 'shop',
        client_secret: 'shop-secret-of-the-end-to-end-tests',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    // Which ES256 key signs is decided by the order: the first one.
    jwks: { keys },
    scopes: ['orders:read', 'orders:write'],
    clientAuthMethods: ['client_secret_basic'],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, getResourceServerInfo },
    },
  });
}

function listen(server, wanted) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(wanted), '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${server.address().port}`);
    });
  });
}

let keys = existsSync(keysFile) ? JSON.parse(readFileSync(keysFile, 'utf8')) : [makeKey()];
let answer;

function serveWith(newKeys) {
  keys = newKeys;
  writeFileSync(keysFile, JSON.stringify(keys));
  answer = makeProvider(issuer, keys).callback();
}

const server = createServer((request, response) => answer(request, response));
const issuer = await listen(server, port);
serveWith(keys);

const control = createServer((request, response) => {
  if (request.method !== 'POST') {
    response.writeHead(405).end();
    return;
  }
  serveWith([makeKey(), ...keys]);
  response.writeHead(200).end(keys[0].kid);
});
const controlAddress = await listen(control, controlPort);

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
console.log(JSON.stringify({ issuer, control: controlAddress }));
