//! API keys and service accounts, as a customer's owner makes them, and as a program uses them.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isAccessible } from './support/axe.mjs';
import { PHONE, openBrowser, withPage } from './support/browser.mjs';
import { firstSession, heading, open, outcome, panel, problemOf, question, row } from './support/pages.mjs';
import { OUT } from './support/paths.mjs';
import { startServer } from './support/server.mjs';

for (const js of [true, false]) {
  describe(`keys ${js ? 'with' : 'without'} JavaScript`, () => {
    let browser;
    let server;
    let session;
    let secret;
    before(async () => {
      server = await startServer({ demo: true });
      browser = await openBrowser();
      session = await firstSession(browser, server, server.people.owner);
      mkdirSync(OUT, { recursive: true });
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });
    const on = (run, way = {}) => withPage(browser, { url: server.url, session, js, ...way }, run);
    const goTo = (page, path) => open(page, path, { js });
    /** Asks the API as a program. */
    const ask = (path, key) => fetch(`${server.url}/api/v1${path}`, { headers: { authorization: `Bearer ${key}` } });

    it('makes a key of one’s own, and shows its secret once', () =>
      on(async (page) => {
        page.watch.allow(/422|400/);
        await goTo(page, '/account');
        await page.getByRole('link', { name: 'API keys' }).click();
        await heading(page, 'Your API keys').waitFor();
        await page.getByText('No API keys').waitFor();
        const form = panel(page, 'Make an API key');
        await form.getByLabel('Name').fill('Monthly report');
        await form.getByLabel('See the audit log').check();
        assert.equal(await form.getByLabel('Manage people').count(), 0, 'what asks people to confirm is no choice');
        await form.getByLabel('Only from').fill('everywhere');
        await form.getByRole('button', { name: 'Make key' }).click();
        const problem = await problemOf(panel(page, 'Make an API key').getByLabel('Only from'));
        assert.match(problem, /everywhere is neither/);
        if (!js) {
          await form.getByLabel('Name').fill('Monthly report');
          await form.getByLabel('See the audit log').check();
        }
        await form.getByLabel('Only from').fill('127.0.0.0/8');
        await form.getByRole('button', { name: 'Make key' }).click();
        await heading(page, 'Monthly report').waitFor();
        secret = await panel(page, 'The key').locator('.copy-field-value').textContent();
        assert.match(secret, /^reeve_key_[\w-]{43}$/);
        await panel(page, 'Known').getByText('Read; See the audit log').waitFor();
        if (js) {
          await isAccessible(page);
          await page.screenshot({ path: join(OUT, 'key-made.png'), fullPage: true });
        }
        await goTo(page, new URL(page.url()).pathname);
        await panel(page, 'Known').waitFor();
        assert.equal(await page.getByText(secret).count(), 0, 'shown once');
      }));

    it('opens the API within its scopes, and is listed with its last use', async () => {
      assert.equal((await ask('/businesses', secret)).status, 200);
      assert.equal((await ask('/audit', secret)).status, 200);
      assert.equal((await ask('/users', secret)).status, 403);
      await on(async (page) => {
        await goTo(page, '/account/keys');
        const key = row(page, 'API keys', 'Monthly report');
        await key.getByText('Working').waitFor();
        await key.getByText('127.0.0.1').waitFor();
        await key.getByText(secret.slice(-4)).waitFor();
      });
    });

    it('revokes it, and it is over at once', async () => {
      await on(async (page) => {
        await goTo(page, '/account/keys');
        await page.getByRole('link', { name: 'Monthly report' }).click();
        await heading(page, 'Monthly report').waitFor();
        const asked = await question(page, 'Revoke', 'Revoke Monthly report?');
        await asked.getByRole('button', { name: 'Revoke key' }).click();
        await outcome(page, 'API key revoked.').waitFor();
        await page.locator('.page-head').getByText('Revoked').waitFor();
      });
      assert.equal((await ask('/businesses', secret)).status, 401);
    });

    it('makes a service account with a key, renames it and switches it off', async () => {
      let program;
      await on(async (page) => {
        await goTo(page, '/users');
        await page.getByRole('link', { name: 'service accounts' }).click();
        await heading(page, 'Service accounts').waitFor();
        await page.getByText('No service accounts').waitFor();
        const form = panel(page, 'Make a service account');
        await form.getByLabel('Name').fill('Ticket system');
        await form.getByLabel('Role').selectOption('contact');
        await form.getByRole('button', { name: 'Make service account' }).click();
        await heading(page, 'Ticket system').waitFor();
        await page.getByText('No keys').waitFor();
        await panel(page, 'Make an API key').getByLabel('Name').fill('Tickets');
        await panel(page, 'Make an API key').getByRole('button', { name: 'Make key' }).click();
        await heading(page, 'Tickets').waitFor();
        program = await panel(page, 'The key').locator('.copy-field-value').textContent();
        assert.equal((await ask('/businesses', program)).status, 200);
        await goTo(page, '/service-accounts');
        await row(page, 'Service accounts', 'Ticket system').getByText('Active').waitFor();
        await row(page, 'API keys', 'Tickets').getByText('Ticket system').waitFor();
        if (js) {
          await isAccessible(page);
          await page.screenshot({ path: join(OUT, 'service-accounts.png'), fullPage: true });
        }
        await page.getByRole('link', { name: 'Ticket system' }).click();
        await heading(page, 'Ticket system').waitFor();
        if (js) {
          await isAccessible(page);
          await page.screenshot({ path: join(OUT, 'service-account.png'), fullPage: true });
        }
        await panel(page, 'Change').getByLabel('Name').fill('Helpdesk');
        await panel(page, 'Change').getByRole('button', { name: 'Rename' }).click();
        await heading(page, 'Helpdesk').waitFor();
        const asked = await question(page, 'Switch off', 'Switch off: Helpdesk?');
        await asked.getByRole('button', { name: 'Switch off' }).click();
        await page.locator('.page-head').getByText('Switched off').waitFor();
        await goTo(page, '/service-accounts');
        await row(page, 'API keys', 'Tickets').getByText('Owner switched off').waitFor();
      });
      assert.equal((await ask('/businesses', program)).status, 401);
    });

    it('shows them light and dark, and on a phone', { skip: !js }, async () => {
      for (const [name, way] of [
        ['dark', { theme: 'dark' }],
        ['phone', { viewport: PHONE }],
      ]) {
        await on(async (page) => {
          for (const path of ['/account/keys', '/service-accounts']) {
            await goTo(page, path);
            await page.getByRole('region', { name: 'API keys' }).first().waitFor();
            await isAccessible(page);
            const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
            assert.ok(width <= 0, `${path} is wider than the screen by ${width}`);
            await page.screenshot({ path: join(OUT, `${path.slice(1).replace('/', '-')}-${name}.png`), fullPage: true });
          }
        }, way);
      }
    });
  });
}
