// Issuers that make tokens as vendors do, each with its own key, metadata and token endpoint.
//
// Usage: node vendors.mjs SHAPES_FILE
//
// SHAPES_FILE is JSON: {VENDOR: {"alg": …, "slash": …, "key": {…}, "tokens": {NAME: CLAIMS}}}.
// `slash` says whether the issuer ends with one, `key` has further members of its published key. A
// token request (client credentials) with the scope NAME gets a token with exactly CLAIMS, where
// ISSUER stands for the issuer, and nothing else.
//
// It prints one line of JSON when all serve: {VENDOR: {"origin": …, "issuer": …}}.

import { readFileSync } from 'node:fs';

import { OAuth2Server } from 'oauth2-mock-server';

const shapes = JSON.parse(readFileSync(process.argv[2], 'utf8'));

async function serve({ alg, slash, key, tokens }) {
  const server = new OAuth2Server(undefined, undefined, {
    shouldIssuerUrlBeSuffixedWithATralingSlash: slash,
  });
  Object.assign(await server.issuer.keys.generate(alg), key);
  await server.start(0, '127.0.0.1');
  const origin = `http://127.0.0.1:${server.address().port}`;
  server.issuer.url = origin;
  server.service.on('beforeTokenSigning', (token, request) => {
    const text = JSON.stringify(tokens[request.body.scope]);
    token.payload = JSON.parse(text.replaceAll('ISSUER', server.issuer.url));
  });
  return { origin, issuer: server.issuer.url };
}

const served = await Promise.all(
  Object.entries(shapes).map(async ([name, shape]) => [name, await serve(shape)]),
);

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
console.log(JSON.stringify(Object.fromEntries(served)));
