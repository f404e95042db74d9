//! Second factors in tests: an authenticator app, a device that holds passkeys, and proofs that are too old.

import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { alive, toolsOf } from './browser.mjs';
import { heading } from './pages.mjs';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Seconds that a code is good for. */
const STEP = 30;

/** The step that this moment belongs to. */
const now = () => Math.floor(Date.now() / 1000 / STEP);

/** The code that an authenticator app shows in a step (RFC 6238). */
function codeOf(secret, step) {
  let bits = '';
  for (const letter of secret) bits += ALPHABET.indexOf(letter).toString(2).padStart(5, '0');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const moment = Buffer.alloc(8);
  moment.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', key).update(moment).digest();
  const number = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/**
 * An authenticator app. Codes are taken once, and none from before the last one; those of the steps beside this moment
 * are taken too. So each code is of a later step than the one before, and only the fourth has to be waited for.
 */
export class App {
  #last = 0;
  constructor(secret) {
    this.secret = secret;
  }
  async code() {
    // A step that is about to end could be another one when the server looks.
    while (((Date.now() / 1000) % STEP) > STEP - 4) await pause(500);
    const step = Math.max(this.#last + 1, now() - 1);
    while (step > now() + 1) await pause(500);
    this.#last = step;
    return codeOf(this.secret, step);
  }
}

const pause = (milliseconds) =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Sets an authenticator app up on the page that asks for it; gives the app, and the recovery codes if there are. */
export async function setUpApp(page, { js = true } = {}) {
  await heading(page, 'Authenticator app').waitFor();
  if (js) await alive(page);
  const secret = (await page.locator('.copy-field-value').innerText()).trim();
  const app = new App(secret);
  await page.getByLabel('Code', { exact: true }).fill(await app.code());
  await page.getByRole('button', { name: 'Set up the app' }).click();
  return app;
}

/** The recovery codes that are shown. */
export async function shownCodes(page) {
  const codes = page.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem');
  await codes.first().waitFor();
  return (await codes.allInnerTexts()).map((text) => text.trim());
}

/** Adds the factor that is asked for before anything else, and goes on. */
export async function addRequiredApp(page, { js = true } = {}) {
  await heading(page, 'Add a second factor').waitFor();
  await page.getByRole('link', { name: 'Authenticator app' }).click();
  const app = await setUpApp(page, { js });
  await heading(page, 'Keep these recovery codes').waitFor();
  const recovery = await shownCodes(page);
  await page.getByRole('link', { name: 'I have kept them' }).click();
  return { app, recovery };
}

/** Answers the question for the second factor at the sign-in. */
export async function answerWithCode(page, answer, label = 'Code') {
  await heading(page, 'One more step').waitFor();
  await page.getByLabel(label, { exact: true }).fill(answer);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** A device with a fingerprint reader, in this page's browser. */
export async function passkeyDevice(page) {
  const tools = await toolsOf(page);
  await tools.send('WebAuthn.enable');
  const { authenticatorId } = await tools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    credentials: async () => (await tools.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    add: (credential) => tools.send('WebAuthn.addCredential', { authenticatorId, credential }),
  };
}

/** Makes what somebody proved of themselves too old. */
export const age = (server, { email }) => prove(server, email, '2020-01-01T00:00:00Z');
/** Makes it as new as if they had just done so, however long the tests before have taken. */
export const renew = (server, { email }) => prove(server, email, new Date().toISOString());

/** The server's clock cannot be turned, so its memory is. */
function prove(server, email, at) {
  const time = at.replace('T', ' ').replace(/(\.\d+)?Z$/, '+00:00');
  const sql = `UPDATE sessions SET confirmed_at = '${time}' WHERE user_id = (SELECT id FROM users WHERE email = '${email}')`;
  execFileSync('sqlite3', ['-cmd', '.timeout 5000', server.database, sql]);
}
