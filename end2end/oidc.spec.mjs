//! Signing in with a provider: set up by an admin, used by people, with a real provider beside the real server.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAccessible } from './support/axe.mjs';
import { openBrowser, withPage } from './support/browser.mjs';
import { renew } from './support/factor.mjs';
import { firstSession, heading, open, outcome, panel, problemOf, question, row } from './support/pages.mjs';
import { plainEnvironment } from './support/paths.mjs';
import { Program } from './support/program.mjs';
import { startServer } from './support/server.mjs';

const SCRIPT = fileURLToPath(new URL('support/oidc_provider.mjs', import.meta.url));
const SECRET = 'what only the two of them know';

/** A provider that knows the server, and these people. */
async function startProvider(server, accounts) {
  const clients = [{ client_id: 'reeve', client_secret: SECRET, redirect_uris: [`${server.url}/sign-in/oidc/callback`] }];
  const input = `${JSON.stringify({ clients, accounts })}\n`;
  const program = new Program('the provider', process.execPath, [SCRIPT], { env: plainEnvironment(), input });
  const [, issuer] = await program.says(/"issuer":"([^"]+)"/);
  return { issuer, stop: () => program.stop() };
}

for (const js of [true, false]) {
  describe(`signing in with a provider ${js ? 'with' : 'without'} JavaScript`, () => {
    let browser;
    let server;
    let provider;
    let session;
    let linkOfBusiness;
    before(async () => {
      server = await startServer({ demo: true });
      browser = await openBrowser();
      const { admin, owner } = server.people;
      provider = await startProvider(server, [
        { sub: 'ada', email: admin.email, email_verified: true },
        { sub: 'owner', email: owner.email, email_verified: true },
        { sub: 'stranger', email: 'nobody@elsewhere.example', email_verified: true },
      ]);
      session = await firstSession(browser, server, admin);
    });
    after(async () => {
      await browser?.close();
      await provider?.stop();
      await server?.stop();
    });
    const asAdmin = (run) => {
      renew(server, server.people.admin);
      return withPage(browser, { url: server.url, session, js }, run);
    };
    const asStranger = (run) => withPage(browser, { url: server.url, js }, run);
    const goTo = (page, path) => open(page, path, { js });
    const button = (page, name) => page.getByRole('link', { name: `Sign in with ${name}` });
    /** Answers the page of the provider. */
    const atProvider = async (page, account) => {
      await heading(page, 'A provider').waitFor();
      if (account) await page.getByLabel('Account').fill(account);
      await page.getByRole('button', { name: account ? 'Go on' : 'Cancel' }).click();
    };

    it('is set up from the settings, once the issuer answers', () =>
      asAdmin(async (page) => {
        page.watch.allow(/422|400|409/);
        await goTo(page, '/settings');
        await page.getByRole('link', { name: 'Sign-in', exact: true }).click();
        await heading(page, 'Sign-in').waitFor();
        await page.getByText('None yet: people sign in with a password or a passkey.').waitFor();
        const form = panel(page, 'Add a provider');
        await form.getByText(`${server.url}/sign-in/oidc/callback`).waitFor();
        if (js) await isAccessible(page);
        const fill = async (issuer) => {
          await form.getByLabel('Name').fill('Harbour Login');
          await form.getByLabel('Issuer').fill(issuer);
          await form.getByLabel('Client ID').fill('reeve');
          await form.getByLabel('Client secret').fill(SECRET);
          await form.getByRole('button', { name: 'Add provider' }).click();
        };
        await fill('http://127.0.0.1:9');
        assert.match(await problemOf(form.getByLabel('Issuer')), /Nothing answers there/);
        await fill(provider.issuer);
        await heading(page, 'Harbour Login').waitFor();
        await outcome(page, 'Provider added.').waitFor();
        await panel(page, 'Addresses').getByText(`${server.url}/sign-in`, { exact: true }).waitFor();
        assert.ok(!(await page.content()).includes(SECRET), 'the secret is not shown again');
        if (js) await isAccessible(page);
      }));

    it('signs people in, and leads them to where they wanted to go', () =>
      asStranger(async (page) => {
        await goTo(page, '/devices?sort=name');
        await page.waitForURL(/\/sign-in\?next=/);
        if (js) await isAccessible(page);
        await button(page, 'Harbour Login').click();
        await atProvider(page, 'ada');
        await heading(page, 'Devices').waitFor();
        assert.equal(new URL(page.url()).origin, server.url);
        assert.match(page.url(), /\/devices\?sort=name$/);
        await page.locator('summary', { hasText: 'Ada Reeve' }).waitFor();
      }));

    it('says calmly when somebody did not go on, or is not known', () =>
      asStranger(async (page) => {
        await goTo(page, '/sign-in?next=/devices');
        await button(page, 'Harbour Login').click();
        await atProvider(page, null);
        await page.getByText('You were not signed in there.').waitFor();
        // The way is open for another try, to the same place.
        if (js) await isAccessible(page);
        await button(page, 'Harbour Login').click();
        await atProvider(page, 'stranger');
        await page.getByText('You could not be signed in this way.').waitFor();
        await heading(page, 'Sign in').waitFor();
        assert.match(page.url(), /next=\/devices/);
      }));

    it('adds one for a business, whose button is behind a link alone', () =>
      asAdmin(async (page) => {
        await goTo(page, '/sign-in-settings');
        const form = panel(page, 'Add a provider');
        await form.getByLabel('Whom it signs in').selectOption({ label: server.people.owner.reach });
        await form.getByLabel('Name').fill('Their own login');
        await form.getByLabel('Issuer').fill(`${provider.issuer}/`);
        await form.getByLabel('Client ID').fill('reeve');
        await form.getByLabel('Client secret').fill(SECRET);
        await form.getByRole('button', { name: 'Add provider' }).click();
        await heading(page, 'Their own login').waitFor();
        linkOfBusiness = await panel(page, 'Addresses').locator('code').nth(1).innerText();
        assert.match(linkOfBusiness, /\/sign-in\?provider=[0-9a-f-]{36}$/);
        await page.getByLabel('Issuer').waitFor();
        assert.equal(await page.getByLabel('Issuer').inputValue(), provider.issuer, 'as the provider writes it');
        await goTo(page, '/sign-in-settings');
        await row(page, 'Providers', 'Their own login').getByText(server.people.owner.reach).waitFor();
      }));

    it('signs in the people of the business with it, and nobody of the MSP', () =>
      asStranger(async (page) => {
        await goTo(page, '/sign-in');
        await button(page, 'Harbour Login').waitFor();
        assert.equal(await button(page, 'Their own login').count(), 0);
        await goTo(page, new URL(linkOfBusiness).pathname + new URL(linkOfBusiness).search);
        await button(page, 'Their own login').click();
        await atProvider(page, 'ada');
        await page.getByText('You could not be signed in this way.').waitFor();
        await page.context().clearCookies();
        await goTo(page, new URL(linkOfBusiness).pathname + new URL(linkOfBusiness).search);
        await button(page, 'Their own login').click();
        await atProvider(page, 'owner');
        // The demo's one-time password is still to be replaced.
        await heading(page, 'Choose a password').waitFor();
      }));

    it('is switched off and removed', () =>
      asAdmin(async (page) => {
        await goTo(page, '/sign-in-settings');
        await page.getByRole('region', { name: 'Providers' }).getByRole('link', { name: 'Harbour Login' }).click();
        await heading(page, 'Harbour Login').waitFor();
        const form = panel(page, 'Change');
        await form.getByRole('switch', { name: /^On/ }).uncheck();
        await form.getByRole('button', { name: 'Save' }).click();
        await outcome(page, 'Provider changed.').waitFor();
        await page.locator('.page-head').getByText('Off', { exact: true }).waitFor();
        await asStranger(async (other) => {
          await goTo(other, '/sign-in');
          await heading(other, 'Sign in').waitFor();
          assert.equal(await button(other, 'Harbour Login').count(), 0);
        });
        const ask = await question(page, 'Remove', 'Remove Harbour Login?');
        await ask.getByRole('textbox').fill('Harbour Login');
        await ask.getByRole('button', { name: 'Remove' }).click();
        await outcome(page, 'Provider removed.').waitFor();
        await heading(page, 'Sign-in').waitFor();
        await row(page, 'Providers', 'Their own login').waitFor();
        assert.equal(await page.getByRole('region', { name: 'Providers' }).getByText('Harbour Login').count(), 0);
      }));

    it('says who has to have a second factor', () =>
      asAdmin(async (page) => {
        await goTo(page, '/sign-in-settings');
        const factors = panel(page, 'Second factors');
        await factors.getByLabel('Who has to have a second factor').selectOption('nobody');
        await factors.getByRole('button', { name: 'Save' }).click();
        await outcome(page, 'Saved.').waitFor();
      }));
  });
}
