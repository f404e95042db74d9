//! What people do on more than one page.

import assert from 'node:assert/strict';
import { alive, withPage } from './browser.mjs';

/** Opens a page and waits until it answers by itself; without JavaScript there is nothing to wait for. */
export async function open(page, path, { js = true } = {}) {
  const response = await page.goto(path);
  if (js) await alive(page);
  return response;
}

/** Resolves once the page follows what happens. */
export async function isLive(page) {
  await page.getByRole('banner').getByText('Live', { exact: true }).waitFor();
}

/** Marks the page, so that [`isKept`] can tell that it was not loaded anew. */
export const keep = (page) =>
  page.evaluate(() => {
    window.isKept = true;
  });
export const isKept = async (page) => assert.equal(await page.evaluate(() => window.isKept), true, 'the page was loaded anew');

export const heading = (page, name) => page.getByRole('heading', { level: 1, name });
/** The sentence about how something turned out. */
export const outcome = (page, text) => page.locator('.toasts').getByText(text);
export const alert = (page) => page.getByRole('alert').filter({ hasText: /\S/ });

/** The problem that stands at a field, found as those who listen find it. */
export async function problemOf(field) {
  await field.and(field.page().locator('[aria-invalid=true]')).waitFor();
  const ids = ((await field.getAttribute('aria-describedby')) ?? '').split(' ').filter((id) => id.endsWith('-problem'));
  assert.equal(ids.length, 1, 'the field names the sentence that says what is wrong');
  return (await field.page().locator(`[id="${ids[0]}"]`).textContent()).trim();
}

/** Fills in the sign-in form and sends it. */
export async function signIn(page, email, password) {
  await page.getByLabel('Email address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** Replaces a one-time password. */
export async function choosePassword(page, present, chosen) {
  await heading(page, 'Choose a password').waitFor();
  await page.getByLabel('One-time password').fill(present);
  await page.getByLabel('New password').fill(chosen);
  await page.getByRole('button', { name: 'Change password and go on' }).click();
}

/** Signs somebody of the demo in for the first time, with a password of their own, and keeps the session. */
export async function firstSession(browser, server, person) {
  let kept;
  await withPage(browser, { url: server.url }, async (page, { session }) => {
    await open(page, '/sign-in');
    await signIn(page, person.email, person.oneTimePassword);
    await page.waitForURL('**/account/password');
    await alive(page);
    await choosePassword(page, person.oneTimePassword, person.password);
    await heading(page, 'Overview').waitFor();
    kept = await session();
  });
  return kept;
}

/** Asks the API as the person whose page this is; answers status and body. */
export function api(page, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const headers = body ? { 'content-type': 'application/json' } : {};
      const response = await fetch(`/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
      const text = await response.text();
      return { status: response.status, body: text ? JSON.parse(text) : null };
    },
    [method, path, body],
  );
}

/** The part of a page under a heading of the second level. */
export const panel = (page, title) =>
  page.locator('section').filter({ has: page.getByRole('heading', { level: 2, name: title, exact: true }) });

/** The row of a table that holds this text. */
export const row = (page, table, text) =>
  page.getByRole('region', { name: table }).getByRole('row').filter({ hasText: text });

/** Opens the question behind a button, and gives the group that holds it. */
export async function question(page, label, title) {
  await page.locator('summary', { hasText: new RegExp(`^${label}$`) }).first().click();
  const group = page.getByRole('group', { name: title });
  await group.waitFor();
  return group;
}
