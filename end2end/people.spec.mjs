//! Businesses, service locations and people, as an admin adds them.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openBrowser, withPage } from './support/browser.mjs';
import { api, choosePassword, firstSession, heading, open, outcome, panel, problemOf, question, row, signIn } from './support/pages.mjs';
import { startServer } from './support/server.mjs';

for (const js of [true, false]) {
  describe(`people ${js ? 'with' : 'without'} JavaScript`, () => {
    let browser;
    let server;
    let session;
    let userPage;
    let oneTimePassword;
    const person = { name: 'Mira Sand', email: 'mira@quay.example', password: 'the tide is coming in' };
    before(async () => {
      server = await startServer({ demo: true });
      browser = await openBrowser();
      session = await firstSession(browser, server, server.people.admin);
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });
    const on = (run) => withPage(browser, { url: server.url, session, js }, run);
    const asStranger = (run) => withPage(browser, { url: server.url, js }, run);
    const goTo = (page, path) => open(page, path, { js });

    it('adds a business, renames it, and refuses its name to another', () =>
      on(async (page) => {
        page.watch.allow(/409|422|400/);
        await goTo(page, '/businesses');
        await addBusiness(page, 'Harbour Dental Group');
        const field = panel(page, 'Add a business').getByLabel('Name');
        const problem = await problemOf(field).catch(() => null);
        if (problem === null) assert.fail('a name that is taken is refused at its field');
        await addBusiness(page, 'Quay Works');
        await heading(page, 'Quay Works').waitFor();
        await outcome(page, 'Business added.').waitFor();
        const rename = panel(page, 'Rename');
        await rename.getByLabel('Name').fill('Quay Works & Sons');
        await rename.getByRole('button', { name: 'Save' }).click();
        await outcome(page, 'Business renamed.').waitFor();
        await heading(page, 'Quay Works & Sons').waitFor();
        await goTo(page, '/businesses');
        await row(page, 'Businesses', 'Quay Works & Sons').waitFor();
      }));

    it('adds a service location and changes it', () =>
      on(async (page) => {
        page.watch.allow(/422|400/);
        await goTo(page, '/businesses');
        await page.getByRole('region', { name: 'Businesses' }).getByRole('link', { name: 'Quay Works & Sons', exact: true }).click();
        await heading(page, 'Quay Works & Sons').waitFor();
        await page.getByText('No service locations yet.').waitFor();
        await page.locator('summary', { hasText: 'Add a service location' }).click();
        const locations = panel(page, 'Service locations');
        await locations.getByLabel('Name').fill('Slipway');
        await locations.getByLabel('Address').fill('1 Quay, 24103 Kiel');
        await locations.getByLabel('Headquarters').check();
        await locations.getByRole('button', { name: 'Add service location' }).click();
        await outcome(page, 'Service location added.').waitFor();
        const place = row(page, 'Service locations', 'Slipway').first();
        await place.getByText('Headquarters').waitFor();
        await place.getByRole('link', { name: 'Slipway' }).click();
        await heading(page, 'Slipway').waitFor();
        await panel(page, 'The place').getByText('1 Quay, 24103 Kiel').waitFor();
        const change = panel(page, 'Change');
        assert.equal(await change.getByLabel('Address').inputValue(), '1 Quay, 24103 Kiel');
        await change.getByLabel('Contact person').fill('Mira Sand');
        await change.getByLabel('Phone').fill('+49 431 123 45');
        await change.getByLabel('Headquarters').uncheck();
        await change.getByRole('button', { name: 'Save' }).click();
        await outcome(page, 'Service location changed.').waitFor();
        await panel(page, 'The place').getByText('Mira Sand').waitFor();
        const phone = page.getByRole('link', { name: '+49 431 123 45' });
        assert.equal(await phone.getAttribute('href'), 'tel:+4943112345');
        assert.equal(await page.locator('.page-head').getByText('Headquarters').count(), 0);
      }));

    it('adds a person and shows their one-time password once', () =>
      on(async (page) => {
        page.watch.allow(/409|422|400/);
        await goTo(page, '/users');
        const form = panel(page, 'Add a user');
        await form.getByLabel('Name').fill(person.name);
        await form.getByLabel('Email').fill(server.people.owner.email);
        await form.getByLabel('Role').selectOption('business_owner');
        await form.getByLabel('Business', { exact: true }).selectOption({ label: 'Quay Works & Sons' });
        await form.getByRole('button', { name: 'Add user' }).click();
        assert.match(await problemOf(form.getByLabel('Email')), /already/);
        // Without JavaScript the page was loaded anew.
        await form.getByLabel('Name').fill(person.name);
        await form.getByLabel('Email').fill(person.email);
        await form.getByLabel('Role').selectOption('business_owner');
        await form.getByLabel('Business', { exact: true }).selectOption({ label: 'Quay Works & Sons' });
        await form.getByRole('button', { name: 'Add user' }).click();
        await heading(page, person.name).waitFor();
        await outcome(page, 'User added.').waitFor();
        await page.waitForURL(/\/users\/[0-9a-f-]{36}/);
        userPage = new URL(page.url()).pathname;
        oneTimePassword = await page.locator('.copy-field', { hasText: 'One-time password' }).locator('code').innerText();
        assert.match(oneTimePassword, /^\S{12,}$/);
        await page.reload();
        await heading(page, person.name).waitFor();
        assert.ok(!(await page.content()).includes(oneTimePassword), 'it is shown once');
        await page.locator('.page-head').getByText('One-time password').waitFor();
      }));

    it('grants a technician the businesses that were ticked', () =>
      on(async (page) => {
        await goTo(page, '/users');
        const form = panel(page, 'Add a user');
        await form.getByLabel('Name').fill('Nils Berg');
        await form.getByLabel('Email').fill('nils@msp.example');
        await form.getByLabel('Role').selectOption('technician');
        await form.getByLabel('Northwind Joinery').check();
        await form.getByLabel('Quay Works & Sons').check();
        await form.getByRole('button', { name: 'Add user' }).click();
        await heading(page, 'Nils Berg').waitFor();
        await page.getByText('Northwind Joinery, Quay Works & Sons').waitFor();
      }));

    it('lets that person in, to their own business alone', () =>
      asStranger(async (page) => {
        await goTo(page, '/sign-in');
        await signIn(page, person.email, oneTimePassword);
        await choosePassword(page, oneTimePassword, person.password);
        await heading(page, 'Overview').waitFor();
        await page.getByText('Devices appear here as soon as your provider has added them.').waitFor();
        await page.getByRole('link', { name: 'Locations' }).click();
        await heading(page, 'Quay Works & Sons').waitFor();
        assert.ok(!/Harbour|Northwind|Lindqvist/.test(await page.content()));
      }));

    it('puts a person out at once who is switched off', () =>
      on(async (page) => {
        await asStranger(async (other) => {
          other.watch.allow(/401/);
          await goTo(other, '/sign-in');
          await signIn(other, person.email, person.password);
          await heading(other, 'Overview').waitFor();

          await goTo(page, userPage);
          await page.locator('.page-head').getByText('Active', { exact: true }).waitFor();
          const ask = await question(page, 'Switch off', `Switch ${person.name} off?`);
          await ask.getByRole('button', { name: 'Switch off' }).click();
          await outcome(page, 'User switched off.').waitFor();
          await page.locator('.page-head').getByText('Switched off', { exact: true }).waitFor();

          if (js) assert.equal((await api(other, 'GET', '/me')).status, 401);
          await goTo(other, '/devices');
          await other.waitForURL(/\/sign-in\?next=/);
          await signIn(other, person.email, person.password);
          assert.equal(await problemOf(other.getByLabel('Password')), 'The address or the password is wrong.');

          const again = await question(page, 'Switch on', `Switch ${person.name} on again?`);
          await again.getByRole('button', { name: 'Switch on' }).click();
          await outcome(page, 'User switched on.').waitFor();
          await signIn(other, person.email, person.password);
          await heading(other, 'Devices').waitFor();
        });
      }));

    it('replaces a forgotten password by one that works once', () =>
      on(async (page) => {
        await goTo(page, userPage);
        const ask = await question(page, 'Reset password', `Reset the password of ${person.name}?`);
        await ask.getByRole('button', { name: 'Reset password' }).click();
        await outcome(page, 'Password reset.').waitFor();
        const fresh = await page.locator('.copy-field', { hasText: 'One-time password' }).locator('code').innerText();
        assert.notEqual(fresh, oneTimePassword);
        await asStranger(async (other) => {
          other.watch.allow(/401/);
          await goTo(other, '/sign-in');
          await signIn(other, person.email, person.password);
          assert.equal(await problemOf(other.getByLabel('Password')), 'The address or the password is wrong.');
          await signIn(other, person.email, fresh);
          await heading(other, 'Choose a password').waitFor();
        });
      }));

    it('lets nobody switch themselves off', () =>
      on(async (page) => {
        await goTo(page, '/users');
        await page.getByRole('region', { name: 'Users' }).getByRole('link', { name: 'Ada Reeve' }).click();
        await heading(page, 'Ada Reeve').waitFor();
        await page.getByText('You cannot switch yourself off.').waitFor();
        assert.equal(await page.locator('summary', { hasText: 'Switch off' }).count(), 0);
      }));
  });
}

async function addBusiness(page, name) {
  const form = panel(page, 'Add a business');
  await form.getByLabel('Name').fill(name);
  await form.getByRole('button', { name: 'Add business' }).click();
}
