//! Second factors: an authenticator app, recovery codes, passkeys, and proving again that it is oneself.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isAccessible } from './support/axe.mjs';
import { PHONE, WIDE, alive, openBrowser, withPage } from './support/browser.mjs';
import { addRequiredApp, age, answerWithCode, passkeyDevice, renew, setUpApp, shownCodes } from './support/factor.mjs';
import { alert, api, firstSession, heading, isKept, keep, open, outcome, panel, problemOf, question, row, signIn } from './support/pages.mjs';
import { OUT } from './support/paths.mjs';
import { startServer } from './support/server.mjs';

describe('second factors', () => {
  let browser;
  let server;
  const sessions = {};
  before(async () => {
    server = await startServer({ demo: true });
    browser = await openBrowser();
    for (const name of ['admin', 'technician', 'auditor', 'owner']) {
      sessions[name] = await firstSession(browser, server, server.people[name]);
    }
    mkdirSync(OUT, { recursive: true });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
  const as = (name, run, options = {}) => {
    renew(server, server.people[name]);
    return withPage(browser, { url: server.url, session: sessions[name], ...options }, run);
  };
  const stranger = (run, options = {}) => withPage(browser, { url: server.url, ...options }, run);

  describe('with an authenticator app', () => {
    let app;
    let codes;

    it('sets one up, and shows recovery codes once', () =>
      as('technician', async (page, { session }) => {
        page.watch.allow(/422/);
        await open(page, '/account');
        await panel(page, 'Second factors').getByText('your password alone').waitFor();
        await panel(page, 'Second factors').getByRole('link', { name: 'Set up' }).click();
        await heading(page, 'Authenticator app').waitFor();
        await page.getByRole('img', { name: 'QR code for the authenticator app' }).locator('svg').waitFor();
        await page.getByLabel('Code', { exact: true }).fill('12345');
        await page.getByRole('button', { name: 'Set up the app' }).click();
        assert.match(await problemOf(page.getByLabel('Code', { exact: true })), /not the code/);
        await look(page, 'factor-app-wrong');
        app = await setUpApp(page);
        await heading(page, 'Keep these recovery codes').waitFor();
        codes = await shownCodes(page);
        assert.equal(new Set(codes).size, 10);
        await look(page, 'factor-codes');
        await page.getByRole('button', { name: 'Copy' }).click();
        await page.getByRole('button', { name: 'Copied' }).waitFor();
        assert.deepEqual((await page.evaluate(() => navigator.clipboard.readText())).trim().split('\n'), codes);
        const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download' }).click()]);
        assert.equal(download.suggestedFilename(), 'reeve-recovery-codes.txt');
        await page.getByRole('link', { name: 'I have kept them' }).click();
        await heading(page, 'Overview').waitFor();
        await open(page, '/account');
        await panel(page, 'Second factors').getByText('10 of 10 left').waitFor();
        for (const code of codes) assert.equal(await page.getByText(code).count(), 0);
        sessions.technician = await session();
      }));

    for (const js of [true, false]) {
      it(`asks for a code after the password, ${js ? 'with' : 'without'} JavaScript`, () =>
        stranger(
          async (page) => {
            page.watch.allow(/401|422/);
            await open(page, '/devices?sort=name', { js });
            await signIn(page, server.people.technician.email, server.people.technician.password);
            await heading(page, 'One more step').waitFor();
            if (js) await look(page, 'sign-in-factor');
            // Half signed in is not signed in.
            await open(page, '/devices', { js });
            await page.waitForURL('**/sign-in?next=**');
            await open(page, '/sign-in/factor?next=/devices%3Fsort=name', { js });
            await answerWithCode(page, '000000');
            assert.match(await problemOf(page.getByLabel('Code', { exact: true })), /code/i);
            const field = page.getByLabel('Code', { exact: true });
            assert.equal(await field.getAttribute('autocomplete'), 'one-time-code');
            assert.equal(await field.getAttribute('inputmode'), 'numeric');
            await answerWithCode(page, await app.code());
            await heading(page, 'Devices').waitFor();
            assert.match(page.url(), /\/devices\?sort=name$/);
            await open(page, '/account', { js });
            await row(page, 'Your sessions', 'This session').getByText('Password and code').waitFor();
          },
          { js },
        ));

      it(`takes a recovery code once, ${js ? 'with' : 'without'} JavaScript`, () =>
        stranger(
          async (page) => {
            page.watch.allow(/401|422/);
            const recovery = codes.pop();
            for (const works of [true, false]) {
              await page.context().clearCookies();
              await open(page, '/sign-in', { js });
              await signIn(page, server.people.technician.email, server.people.technician.password);
              await heading(page, 'One more step').waitFor();
              await page.getByRole('link', { name: 'Use a recovery code' }).click();
              await page.getByLabel('Recovery code').waitFor();
              await answerWithCode(page, works ? recovery.toUpperCase().replaceAll('-', ' ') : recovery, 'Recovery code');
              if (works) await heading(page, 'Overview').waitFor();
              else assert.match(await problemOf(page.getByLabel('Recovery code')), /code/i);
            }
          },
          { js },
        ));

      it(`leads back to the sign-in when there is none to go on with, ${js ? 'with' : 'without'} JavaScript`, () =>
        stranger(
          async (page) => {
            page.watch.allow(/410/);
            await open(page, '/sign-in/factor?next=/devices', { js });
            await page.waitForURL('**/sign-in?over=1&next=**');
            await page.getByText('That took too long').waitFor();
          },
          { js },
        ));
    }

    it('makes new recovery codes after another proof', () =>
      as('technician', async (page) => {
        page.watch.allow(/403/);
        age(server, server.people.technician);
        await open(page, '/account');
        const group = await question(page, 'Make new ones', 'Make new recovery codes?');
        await group.getByRole('button', { name: 'Make new ones' }).click();
        const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' });
        await dialog.getByLabel('Code', { exact: true }).fill(await app.code());
        await dialog.getByRole('button', { name: 'Confirm' }).click();
        const fresh = await shownCodes(page);
        assert.equal(fresh.filter((code) => codes.includes(code)).length, 0);
        await panel(page, 'Second factors').getByText('10 of 10 left').waitFor();
        await look(page, 'account-new-codes');
      }));
  });

  describe('with passkeys', () => {
    const credentials = [];

    it('adds one, and names it', () =>
      as('auditor', async (page, { session }) => {
        const device = await passkeyDevice(page);
        await open(page, '/account');
        await panel(page, 'Passkeys').getByRole('link', { name: 'Add passkey' }).click();
        await heading(page, 'Passkey').waitFor();
        await alive(page);
        await page.waitForFunction(() => document.querySelector('input[name=name]').value === 'Chrome on Linux');
        await look(page, 'factor-passkey');
        await page.getByLabel('Name').fill('Laptop');
        await page.getByRole('button', { name: 'Make a passkey' }).click();
        await heading(page, 'Keep these recovery codes').waitFor();
        assert.equal((await shownCodes(page)).length, 10);
        await page.getByRole('link', { name: 'I have kept them' }).click();
        await open(page, '/account');
        await row(page, 'Your passkeys', 'Laptop').waitFor();
        await row(page, 'Your passkeys', 'Laptop').getByRole('link', { name: 'Rename' }).click();
        await page.getByRole('region', { name: 'Your passkeys' }).getByRole('textbox', { name: 'Name' }).fill('Old laptop');
        await look(page, 'account-rename');
        await page.getByRole('button', { name: 'Save' }).click();
        await outcome(page, 'Passkey renamed.').waitFor();
        await row(page, 'Your passkeys', 'Old laptop').getByRole('link', { name: 'Rename' }).waitFor();
        await look(page, 'account-passkeys');
        credentials.push(...(await device.credentials()));
        assert.equal(credentials.length, 1);
        sessions.auditor = await session();
      }));

    it('says calmly that none was made when the person turns away', () =>
      as('owner', async (page) => {
        await open(page, '/account/factor?with=passkey');
        // What browsers answer when their question is closed.
        await page.evaluate(() => {
          navigator.credentials.create = () => Promise.reject(new DOMException('The operation was not allowed.', 'NotAllowedError'));
        });
        await page.getByLabel('Name').fill('Phone');
        await page.getByRole('button', { name: 'Make a passkey' }).click();
        await alert(page).getByText('No passkey was made').waitFor();
        assert.equal(await page.getByLabel('Name').inputValue(), 'Phone', 'nothing typed is lost');
        await look(page, 'factor-passkey-cancelled');
      }));

    it('takes one after the password', () =>
      stranger(async (page) => {
        const device = await passkeyDevice(page);
        await device.add(credentials[0]);
        await open(page, '/sign-in?next=/account');
        await signIn(page, server.people.auditor.email, server.people.auditor.password);
        await heading(page, 'One more step').waitFor();
        await page.getByRole('button', { name: 'Use a passkey' }).click();
        await heading(page, 'Account').waitFor();
        await row(page, 'Your sessions', 'This session').getByText('Password and passkey').waitFor();
        [credentials[0]] = await device.credentials();
      }));

    it('takes one alone', () =>
      stranger(async (page, { session }) => {
        const device = await passkeyDevice(page);
        await device.add(credentials[0]);
        await open(page, '/sign-in?next=/account');
        await look(page, 'sign-in-passkey');
        await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
        await heading(page, 'Account').waitFor();
        await row(page, 'Your sessions', 'This session').getByText('Passkey', { exact: true }).waitFor();
        [credentials[0]] = await device.credentials();
        sessions.auditor = await session();
      }));

    it('goes on with a passkey, and removes the passkey', () =>
      as('auditor', async (page) => {
        page.watch.allow(/403/);
        const device = await passkeyDevice(page);
        await device.add(credentials[0]);
        age(server, server.people.auditor);
        await open(page, '/account');
        const group = await question(page, 'Remove', 'Remove Old laptop?');
        await group.getByRole('button', { name: 'Remove' }).click();
        const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' });
        await dialog.getByRole('button', { name: 'Use a passkey' }).waitFor();
        await look(page, 'step-up-passkey');
        await dialog.getByRole('button', { name: 'Use a passkey' }).click();
        await outcome(page, 'Passkey removed.').waitFor();
        await panel(page, 'Passkeys').getByText('None.').waitFor();
        await panel(page, 'Second factors').getByText('your password alone').waitFor();
      }));
  });

  describe('proving again that it is oneself', () => {
    const invitation = (page) => panel(page, 'Invite somebody');
    const fill = async (page) => {
      await invitation(page).getByLabel('Email').fill('new@msp.example');
      await invitation(page).getByLabel('Name', { exact: true }).fill('New Person');
    };

    it('asks in place, and then sends what was typed by itself', () =>
      as('admin', async (page) => {
        page.watch.allow(/403|422/);
        age(server, server.people.admin);
        await open(page, '/users');
        await keep(page);
        await fill(page);
        await invitation(page).getByRole('button', { name: 'Invite', exact: true }).click();
        const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' });
        await dialog.getByLabel('Your password').and(page.locator(':focus')).waitFor();
        await look(page, 'step-up');
        // Closed, nothing has happened and nothing is lost; the notice opens it again.
        await page.keyboard.press('Escape');
        await dialog.waitFor({ state: 'detached' });
        assert.equal(await invitation(page).getByLabel('Email').inputValue(), 'new@msp.example');
        await alert(page).getByRole('link', { name: 'Confirm that it is you' }).click();
        await dialog.getByLabel('Your password').fill('not the password');
        await dialog.getByRole('button', { name: 'Confirm' }).click();
        assert.match(await problemOf(dialog.getByLabel('Your password')), /not your password/);
        await dialog.getByLabel('Your password').fill(server.people.admin.password);
        await dialog.getByRole('button', { name: 'Confirm' }).click();
        await heading(page, 'New Person').waitFor();
        await isKept(page);
      }));

    it('has a page for it without JavaScript', () =>
      as(
        'admin',
        async (page) => {
          age(server, server.people.admin);
          await open(page, '/account/factor?with=app', { js: false });
          await heading(page, 'Confirm that it is you').waitFor();
          await page.getByLabel('Your password').fill('not the password');
          await page.getByRole('button', { name: 'Confirm' }).click();
          assert.match(await problemOf(page.getByLabel('Your password')), /not your password/);
          await page.getByLabel('Your password').fill(server.people.admin.password);
          await page.getByRole('button', { name: 'Confirm' }).click();
          await heading(page, 'Authenticator app').waitFor();
        },
        { js: false },
      ));

    it('leads from a form to that page and back without JavaScript', () =>
      as(
        'admin',
        async (page) => {
          const { items } = (await (await page.request.get('/api/v1/users')).json());
          const contact = items.find(({ role }) => role === 'contact');
          age(server, server.people.admin);
          await open(page, `/users/${contact.id}`, { js: false });
          const group = await question(page, 'Switch off', `Switch ${contact.full_name} off?`);
          await group.getByRole('button', { name: 'Switch off' }).click();
          // The question stands open where it was refused.
          await group.getByRole('link', { name: 'Confirm that it is you' }).click();
          await page.getByLabel('Your password').fill(server.people.admin.password);
          await page.getByRole('button', { name: 'Confirm' }).click();
          await heading(page, contact.full_name).waitFor();
          assert.match(page.url(), new RegExp(`/users/${contact.id}$`));
        },
        { js: false },
      ));
  });
});

describe('a factor that has to be added', () => {
  let browser;
  let server;
  before(async () => {
    server = await startServer({ byNumber: true });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it('is asked for before anything else, and cannot be taken away again', () =>
    withPage(browser, { url: server.url }, async (page) => {
      await open(page, server.setupLink);
      await page.getByLabel('Your name').fill('Grace Hopper');
      await page.getByLabel('Email address').fill('grace@msp.example');
      await page.getByLabel('Password').fill('compilers are for people');
      await page.getByRole('button', { name: 'Become the first admin' }).click();
      await heading(page, 'Add a second factor').waitFor();
      // By its address alone this server cannot have passkeys.
      await page.getByText('Passkeys are not possible here').waitFor();
      await look(page, 'factor-required');
      assert.deepEqual((await api(page, 'GET', '/agents')).body.items ?? [], []);
      await addRequiredApp(page);
      await heading(page, 'Overview').waitFor();
      await open(page, '/account');
      await panel(page, 'Second factors').getByText('you have to have one').waitFor();
      await look(page, 'account-required');
      assert.equal(await panel(page, 'Second factors').getByText('Remove').count(), 0);
    }));
});

/** A page as people see it, wide and on a phone, light and dark: nothing sticks out, and everybody can use it. */
async function look(page, name) {
  for (const viewport of [PHONE, WIDE]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['dark', 'light']) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(OUT, `${name}-${colorScheme}-${viewport.width}.png`), fullPage: true });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= viewport.width, `${name} is ${width} wide in a window of ${viewport.width}`);
      await isAccessible(page);
    }
  }
}
