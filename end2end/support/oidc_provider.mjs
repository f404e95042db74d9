//! A real provider of OpenID Connect on a free port: npm's `oidc-provider` with a sign-in page where a name is enough.
//! Reads one line of JSON: `{ clients, accounts, inIdToken, endsWithInput }`; prints `{ "issuer": … }` once it serves.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const lines = createInterface({ input: process.stdin });
const settings = JSON.parse((await lines[Symbol.asyncIterator]().next()).value);
if (settings.endsWithInput) {
  process.stdin.on('close', () => process.exit(0)).resume();
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0));

const accounts = new Map(settings.accounts.map((account) => [account.sub, account]));
let provider;
const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end(String(error));
  });
});
await new Promise((resolve) => {
  server.listen(0, '127.0.0.1', resolve);
});
const issuer = `http://127.0.0.1:${server.address().port}`;
provider = new Provider(issuer, {
  clients: settings.clients.map((client) => ({
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
    ...client,
  })),
  findAccount: (_, sub) => accounts.has(sub) && { accountId: sub, claims: () => accounts.get(sub) },
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  // By the standard these claims come from the user info endpoint; many providers put them into the ID token as well.
  conformIdTokenClaims: !settings.inIdToken,
  pkce: { methods: ['S256'], required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant,
  cookies: { keys: ['only for tests'] },
  jwks: { keys: [signingKey()] },
  ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
});
console.log(JSON.stringify({ issuer }));

async function answer(request, response) {
  const { pathname } = new URL(request.url, issuer);
  if (request.method === 'PUT' && pathname === '/account') {
    const account = JSON.parse(await body(request));
    accounts.set(account.sub, account);
    response.writeHead(204).end();
  } else if (pathname.startsWith('/interaction/')) {
    await interact(request, response);
  } else {
    provider.callback()(request, response);
  }
}

/** The sign-in page, and what it was answered with. */
async function interact(request, response) {
  await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE);
    return;
  }
  const form = new URLSearchParams(await body(request));
  const result = form.has('cancel')
    ? { error: 'access_denied', error_description: 'The person did not go on.' }
    : { login: { accountId: form.get('account') } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const PAGE = `<!DOCTYPE html>
<html lang="en">
  <head><meta charset="utf-8"><title>A provider</title><link rel="icon" href="data:,"></head>
  <body>
    <main>
      <h1>A provider</h1>
      <form method="post">
        <p><label>Account <input name="account" autofocus></label></p>
        <p><button>Go on</button> <button name="cancel" value="1">Cancel</button></p>
      </form>
    </main>
  </body>
</html>`;

/** Whoever signs in agrees to what is asked. */
async function loadExistingGrant({ oidc }) {
  const { client, session } = oidc;
  const known = session.grantIdFor(client.clientId);
  if (known) return oidc.provider.Grant.find(known);
  const grant = new oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid email');
  await grant.save();
  return grant;
}

async function body(request) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: 'first', use: 'sig', alg: 'RS256' };
}
