//! Businesses, service locations and people, as an admin adds them.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, heading, open, outcome, panel, problemOf, question, row, signIn } from './support/pages.mjs';
import { startServer } from './support/server.mjs';

for (const js of [true, false]) {
  describe(`people ${js ? 'with' : 'without'} JavaScript`, () => {
    let browser;
    let server;
    let session;
    let userPage;
    let link;
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
    const invite = async (form, { name, email }) => {
      await form.getByLabel('Name', { exact: true }).fill(name);
      await form.getByLabel('Email').fill(email);
      await form.getByLabel('Role', { exact: true }).selectOption('business_owner');
      await form.getByLabel('Business', { exact: true }).selectOption({ label: 'Quay Works & Sons' });
      await form.getByRole('button', { name: 'Invite' }).click();
    };
    /** Opens a link and chooses a password; without JavaScript the link has to be pasted. */
    const useLink = async (page, address, title, password) => {
      const { pathname, hash } = new URL(address);
      await goTo(page, pathname + hash);
      if (!js) {
        await page.getByLabel('Your link').fill(address);
        await page.getByRole('button', { name: 'Go on' }).click();
      }
      await heading(page, title).waitFor();
      await page.getByLabel('New password').fill(password);
      await page.getByRole('button', { name: 'Choose this password and sign in' }).click();
    };

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

    it('invites a person and shows the link once', () =>
      on(async (page) => {
        page.watch.allow(/409|422|400/);
        await goTo(page, '/users');
        const form = panel(page, 'Invite somebody');
        await invite(form, { ...person, email: server.people.owner.email });
        assert.match(await problemOf(form.getByLabel('Email')), /already/);
        // Without JavaScript the page was loaded anew.
        await invite(form, person);
        await heading(page, person.name).waitFor();
        await outcome(page, 'The link is shown below, once.').waitFor();
        await page.waitForURL(/\/users\/[0-9a-f-]{36}/);
        userPage = new URL(page.url()).pathname;
        link = await shownLink(page);
        await page.reload();
        await heading(page, person.name).waitFor();
        assert.ok(!(await page.content()).includes(link), 'it is shown once');
        await page.locator('.page-head').getByText('Invited').waitFor();
        await panel(page, 'Known').getByText('Second factor').waitFor();
      }));

    it('gives a technician a part of what there is, and takes some of it back', () =>
      on(async (page) => {
        await goTo(page, '/users');
        const form = panel(page, 'Invite somebody');
        await form.getByLabel('Name', { exact: true }).fill('Nils Berg');
        await form.getByLabel('Email').fill('nils@msp.example');
        await form.getByLabel('Role', { exact: true }).selectOption('technician');
        const granted = form.getByRole('group', { name: 'Granted businesses' });
        await granted.getByLabel('Northwind Joinery').check();
        await granted.getByLabel('Quay Works & Sons').check();
        await form.getByText('But not', { exact: true }).click();
        await form.getByRole('group', { name: 'Denied service locations' }).getByLabel('Quay Works & Sons: Slipway').check();
        await form.getByText('Extra permissions').click();
        await form.getByLabel('Decide requests of others').check();
        await form.getByRole('button', { name: 'Invite' }).click();
        await heading(page, 'Nils Berg').waitFor();
        const known = panel(page, 'Known');
        await known.getByText('Northwind Joinery, Quay Works & Sons, but not Quay Works & Sons: Slipway').waitFor();
        await known.getByText('(extra: Decide requests of others)').waitFor();

        const change = panel(page, 'Change');
        const businesses = change.getByRole('group', { name: 'Granted businesses' });
        assert.ok(await businesses.getByLabel('Northwind Joinery').isChecked());
        await businesses.getByLabel('Northwind Joinery').uncheck();
        await change.getByRole('button', { name: 'Save' }).click();
        await outcome(page, 'User changed.').waitFor();
        await known.getByText(/^Quay Works & Sons, but not Quay Works & Sons: Slipway$/).waitFor();
      }));

    it('makes a role, gives it to somebody, and does not remove it while they have it', () =>
      on(async (page) => {
        page.watch.allow(/409|422|400/);
        await goTo(page, '/settings');
        await page.getByRole('main').getByRole('link', { name: 'Roles' }).click();
        await heading(page, 'Roles').waitFor();
        await row(page, 'Built-in roles', 'Decide requests of others').waitFor();
        assert.equal(await page.getByRole('region', { name: 'Built-in roles' }).locator('thead th').count(), 6);
        const form = panel(page, 'Make a role');
        await form.getByLabel('Name', { exact: true }).fill('Night shift');
        await form.getByLabel('Stands in for').selectOption('technician');
        await form.getByLabel('Rename and describe devices').check();
        await form.getByLabel('Decide requests of others').check();
        await form.getByRole('button', { name: 'Make role' }).click();
        await heading(page, 'Night shift').waitFor();
        await panel(page, 'Known').getByText('Rename and describe devices, decide requests of others').waitFor();
        const rolePage = new URL(page.url()).pathname;

        await goTo(page, '/users');
        await page.getByRole('region', { name: 'Users' }).getByRole('link', { name: 'Nils Berg' }).click();
        await heading(page, 'Nils Berg').waitFor();
        const change = panel(page, 'Change');
        await change.getByLabel('Custom role').selectOption({ label: 'Night shift (Technician)' });
        await change.getByRole('button', { name: 'Save' }).click();
        await outcome(page, 'User changed.').waitFor();
        await page.locator('.page-head').getByText('Night shift').waitFor();

        await goTo(page, rolePage);
        const ask = await question(page, 'Remove role', 'Remove Night shift?');
        await ask.getByRole('button', { name: 'Remove' }).click();
        await page.getByText('1 person has this role.').waitFor();
      }));

    it('switches a business off and on again', () =>
      on(async (page) => {
        await goTo(page, '/businesses');
        await page.getByRole('region', { name: 'Businesses' }).getByRole('link', { name: 'Northwind Joinery', exact: true }).click();
        await heading(page, 'Northwind Joinery').waitFor();
        const ask = await question(page, 'Switch off', 'Switch Northwind Joinery off?');
        await ask.getByRole('textbox').fill('Northwind Joinery');
        await ask.getByRole('button', { name: 'Switch off' }).click();
        await outcome(page, 'Business switched off.').waitFor();
        await page.locator('.page-head').getByText('Switched off').waitFor();
        await goTo(page, '/businesses');
        const off = row(page, 'Businesses', 'Northwind Joinery');
        await off.getByText('Switched off').waitFor();
        await off.getByRole('link', { name: 'Northwind Joinery', exact: true }).click();
        const again = await question(page, 'Switch on', 'Switch Northwind Joinery on again?');
        await again.getByRole('button', { name: 'Switch on' }).click();
        await outcome(page, 'Business switched on.').waitFor();
        // Without a script the page is a new one; with it the word goes as soon as the page has asked again.
        await page.locator('.page-head').getByText('Switched off').waitFor({ state: 'detached' });
      }));

    it('lets that person in, to their own business alone', () =>
      asStranger(async (page) => {
        await useLink(page, link, `Welcome, ${person.name}`, person.password);
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

    it('gives a link to choose another password', () =>
      on(async (page) => {
        await goTo(page, userPage);
        const ask = await question(page, 'Send a password link', `Send ${person.name} a link to choose another password?`);
        await ask.getByRole('button', { name: 'Send a password link' }).click();
        await outcome(page, 'The link is shown below, once.').waitFor();
        const fresh = await shownLink(page);
        assert.notEqual(fresh, link);
        await asStranger(async (other) => {
          other.watch.allow(/401/);
          await useLink(other, fresh, 'Choose another password', 'the tide is going out');
          await heading(other, 'Overview').waitFor();
        });
        await asStranger(async (other) => {
          other.watch.allow(/401/);
          await goTo(other, '/sign-in');
          await signIn(other, person.email, person.password);
          assert.equal(await problemOf(other.getByLabel('Password')), 'The address or the password is wrong.');
        });
      }));

    it('lets an owner invite people of their own business, and nobody else', () =>
      asStranger(async (page) => {
        await goTo(page, '/sign-in');
        await signIn(page, person.email, 'the tide is going out');
        await heading(page, 'Overview').waitFor();
        await goTo(page, '/users');
        const form = panel(page, 'Invite somebody');
        const roles = await form.getByLabel('Role', { exact: true }).locator('option').evaluateAll((all) => all.map((one) => one.value));
        assert.deepEqual(roles, ['business_owner', 'contact']);
        assert.equal(await form.getByLabel('Business', { exact: true }).count(), 0);
        assert.equal(await form.getByText('Granted businesses').count(), 0);
        await form.getByLabel('Name', { exact: true }).fill('Pia Sand');
        await form.getByLabel('Email').fill('pia@quay.example');
        await form.getByRole('button', { name: 'Invite' }).click();
        await heading(page, 'Pia Sand').waitFor();
        await panel(page, 'Known').getByText('Quay Works & Sons').waitFor();
        assert.ok((await shownLink(page)).includes('/welcome#'));
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

/** The link that is shown once on a user's page. */
async function shownLink(page) {
  const shown = await panel(page, 'Link to choose a password').locator('code').innerText();
  assert.match(shown, /\/welcome#\S{20,}$/);
  return shown;
}
