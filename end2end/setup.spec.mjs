//! From nothing to the first admin.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openBrowser, withPage } from './support/browser.mjs';
import { addRequiredApp, answerWithCode } from './support/factor.mjs';
import { alert, heading, isLive, open, outcome, problemOf, signIn } from './support/pages.mjs';
import { startServer } from './support/server.mjs';

const ADMIN = { full_name: 'Grace Hopper', email: 'grace@msp.example', password: 'compilers are for people' };

for (const js of [true, false]) {
  describe(`setup ${js ? 'with' : 'without'} JavaScript`, () => {
    let browser;
    let server;
    let app;
    before(async () => {
      server = await startServer();
      browser = await openBrowser();
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });
    const on = (run) => withPage(browser, { url: server.url, js }, run);

    it('points people to the link that the server printed', () =>
      on(async (page) => {
        assert.match(server.setupLink ?? '', /\/setup\?key=\S{20,}$/);
        await open(page, '/', { js });
        await page.waitForURL('**/sign-in');
        await page.getByText(/link that the server printed/i).waitFor();
        await open(page, '/setup', { js });
        await page.getByText(/link that the server printed/i).waitFor();
        assert.equal(await page.getByRole('button', { name: 'Become the first admin' }).count(), 0);
      }));

    it('finds nothing behind a wrong key', () =>
      on(async (page) => {
        page.watch.allow(/404/);
        await open(page, '/setup?key=not-the-key-that-was-printed', { js });
        await fill(page, ADMIN);
        await alert(page).getByText('There is no such page.').waitFor();
        await open(page, '/devices', { js });
        await page.waitForURL(/\/sign-in\?next=/);
      }));

    it('says at each field what is wrong with it', () =>
      on(async (page) => {
        page.watch.allow(/422|400/);
        await open(page, server.setupLink, { js });
        await fill(page, { ...ADMIN, full_name: '   ' });
        assert.equal(await problemOf(page.getByLabel('Your name')), 'This is required.');
        await fill(page, { ...ADMIN, email: 'grace@msp' });
        assert.equal(await problemOf(page.getByLabel('Email address')), 'Write an address like name@example.com.');
        assert.equal(await page.getByLabel('Your name').getAttribute('aria-invalid'), null);
        await fill(page, { ...ADMIN, password: 'é'.repeat(200) });
        assert.equal(await problemOf(page.getByLabel('Password')), 'At most 256 bytes.');
      }));

    it('does not send a password that is too short', () =>
      on(async (page) => {
        await open(page, server.setupLink, { js });
        await fill(page, { ...ADMIN, password: 'short' });
        const isTooShort = await page.getByLabel('Password').evaluate((field) => field.validity.tooShort);
        assert.ok(isTooShort);
        await heading(page, 'Set up Reeve').waitFor();
      }));

    it('makes the first admin, who adds a second factor and then sees what to do next', () =>
      on(async (page) => {
        await open(page, server.setupLink, { js });
        await fill(page, ADMIN);
        await heading(page, 'Add a second factor').waitFor();
        for (const path of ['/', '/devices', '/account']) {
          await open(page, path, { js });
          await heading(page, 'Add a second factor').waitFor();
        }
        let recovery;
        ({ app, recovery } = await addRequiredApp(page, { js }));
        assert.equal(new Set(recovery).size, 10);
        await heading(page, 'Overview').waitFor();
        await page.getByText('No devices yet').waitFor();
        if (js) await isLive(page);
        await page.getByRole('main').getByRole('link', { name: 'Add device' }).click();
        await page.getByText('First a business').waitFor();
        await page.getByRole('link', { name: 'Add business' }).click();
        await heading(page, 'Businesses').waitFor();
        await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Harbour Dental Group');
        await page.getByRole('button', { name: 'Add business' }).click();
        await heading(page, 'Harbour Dental Group').waitFor();
        await outcome(page, 'Business added.').waitFor();
      }));

    it('is gone afterwards', () =>
      on(async (page) => {
        page.watch.allow(/404/);
        for (const path of ['/setup', server.setupLink]) {
          const response = await open(page, path, { js });
          assert.equal(response.status(), 404, path);
          await heading(page, 'Nothing here').waitFor();
        }
        await open(page, '/sign-in', { js });
        assert.equal(await page.getByText(/link that the server printed/i).count(), 0);
        await signIn(page, ADMIN.email, ADMIN.password);
        await answerWithCode(page, await app.code());
        await heading(page, 'Overview').waitFor();
      }));
  });
}

async function fill(page, { full_name, email, password }) {
  await page.getByLabel('Your name').fill(full_name);
  await page.getByLabel('Email address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Become the first admin' }).click();
}
