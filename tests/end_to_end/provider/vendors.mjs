// Issuers that make tokens as vendors do, each with its own key, metadata and token endpoint.
//
// Usage: node vendors.mjs SHAPES_FILE
//
// SHAPES_FILE is JSON: {VENDOR: {"alg": …, "slash": …, "pattern": …, "key": {…}, "tokens":
// {NAME: CLAIMS}}}. `slash` says whether the issuer ends with one, `key` has further members of its
// published key. With `pattern`, a path with {tenantid}, metadata of all tenants are served
// elsewhere, as Entra ID does; their `issuer` is the pattern at the origin. A token request (client credentials) with the scope NAME gets a token with exactly CLAIMS, where
// ISSUER stands for the issuer, and nothing else.
//
// It prints one line of JSON when all serve: {VENDOR: {"origin": …, "issuer": …, "metadata": …}},
// where `metadata` is an address, with `pattern` only.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

import { OAuth2Server } from 'oauth2-mock-server';

const shapes = JSON.parse(readFileSync(process.argv[2], 'utf8'));

async function serveMetadata(issuer, jwks_uri) {
  const server = createServer((_, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ issuer, jwks_uri }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${server.address().port}/organizations/v2.0/openid-configuration`;
}

async function serve({ alg, slash, pattern, key, tokens }) {
  const server = new OAuth2Server(undefined, undefined, {
    shouldIssuerUrlBeSuffixedWithATralingSlash: slash,
  });
  const published = await server.issuer.keys.generate(alg);
  await server.start(0, '127.0.0.1');
  const origin = `http://127.0.0.1:${server.address().port}`;
  Object.assign(published, JSON.parse(JSON.stringify(key).replaceAll('ISSUER', origin)));
  server.issuer.url = origin;
  server.service.on('beforeTokenSigning', (token, request) => {
    const text = JSON.stringify(tokens[request.body.scope]);
    token.payload = JSON.parse(text.replaceAll('ISSUER', server.issuer.url));
  });
  if (pattern === null) return { origin, issuer: server.issuer.url };
  const issuer = origin + pattern;
  return { origin, issuer, metadata: await serveMetadata(issuer, `${origin}/jwks`) };
}

const served = await Promise.all(
  Object.entries(shapes).map(async ([name, shape]) => [name, await serve(shape)]),
);

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
console.log(JSON.stringify(Object.fromEntries(served)));
