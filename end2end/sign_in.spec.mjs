//! Signing in and out, one-time passwords, and the list of one's sessions.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openBrowser, withPage } from './support/browser.mjs';
import { alert, api, choosePassword, heading, open, outcome, problemOf, row, signIn } from './support/pages.mjs';
import { startServer } from './support/server.mjs';

for (const js of [true, false]) {
  describe(`signing in ${js ? 'with' : 'without'} JavaScript`, () => {
    let browser;
    let server;
    let person;
    before(async () => {
      server = await startServer({ demo: true });
      browser = await openBrowser();
      person = server.people.technician;
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });
    const on = (run) => withPage(browser, { url: server.url, js }, run);
    const goTo = (page, path) => open(page, path, { js });

    it('leads strangers to sign in, and then to where they wanted to go', () =>
      on(async (page) => {
        await goTo(page, '/devices?sort=name');
        await page.waitForURL(/\/sign-in\?next=/);
        await signIn(page, person.email, person.oneTimePassword);
        await heading(page, 'Choose a password').waitFor();
      }));

    it('says in place that the password is wrong, whoever it is', () =>
      on(async (page) => {
        page.watch.allow(/401/);
        await goTo(page, '/sign-in');
        for (const email of [person.email, 'nobody@demo.example']) {
          await signIn(page, email, 'not the password');
          assert.equal(await problemOf(page.getByLabel('Password')), 'The address or the password is wrong.');
          await page.waitForURL('**/sign-in**');
        }
        const isPasswordInUrl = page.url().includes('not%20the') || page.url().includes('not+the');
        assert.ok(!isPasswordInUrl, page.url());
      }));

    it('opens nothing to a one-time password but the page that replaces it', () =>
      on(async (page) => {
        page.watch.allow(/403|422|400/);
        await goTo(page, '/sign-in');
        await signIn(page, person.email, person.oneTimePassword);
        await page.waitForURL('**/account/password');
        for (const path of ['/', '/devices', '/account']) {
          await goTo(page, path);
          await page.waitForURL('**/account/password');
        }
        if (js) assert.deepEqual((await api(page, 'GET', '/agents')).body.items ?? [], []);
        await choosePassword(page, person.oneTimePassword, person.oneTimePassword);
        assert.match(await problemOf(page.getByLabel('New password')), /another password/);
        await choosePassword(page, 'something else entirely', person.password);
        assert.match(await problemOf(page.getByLabel('One-time password')), /not your present password/);
        await choosePassword(page, person.oneTimePassword, person.password);
        await heading(page, 'Overview').waitFor();
        await outcome(page, 'Password changed. Use it from now on.').waitFor();
      }));

    it('takes a one-time password once', () =>
      on(async (page) => {
        page.watch.allow(/401/);
        await goTo(page, '/sign-in');
        await signIn(page, person.email, person.oneTimePassword);
        assert.equal(await problemOf(page.getByLabel('Password')), 'The address or the password is wrong.');
        await signIn(page, person.email, person.password);
        await heading(page, 'Overview').waitFor();
      }));

    it('ends another session, which is then out', () =>
      on(async (page) => {
        await withPage(browser, { url: server.url, js }, async (other) => {
          other.watch.allow(/401/);
          await goTo(other, '/sign-in');
          await signIn(other, person.email, person.password);
          await heading(other, 'Overview').waitFor();

          await goTo(page, '/sign-in?next=/account');
          await signIn(page, person.email, person.password);
          await heading(page, 'Account').waitFor();
          const mine = row(page, 'Your sessions', 'This session');
          await mine.getByText('Chrome on Linux').waitFor();
          const others = page.getByRole('region', { name: 'Your sessions' }).getByRole('button', { name: 'End', exact: true });
          // The tests before this one have left sessions too.
          for (let left = await others.count(); left > 0; left -= 1) {
            await others.first().click();
            await outcome(page, 'Session ended.').first().waitFor();
            await others.nth(left - 1).waitFor({ state: 'detached' });
          }
          await mine.waitFor();

          await goTo(other, '/devices');
          await other.waitForURL(/\/sign-in\?next=/);
        });
      }));

    it('ends all other sessions at once', () =>
      on(async (page) => {
        await withPage(browser, { url: server.url, js }, async (other) => {
          other.watch.allow(/401/);
          await goTo(other, '/sign-in');
          await signIn(other, person.email, person.password);
          await heading(other, 'Overview').waitFor();

          await goTo(page, '/sign-in?next=/account');
          await signIn(page, person.email, person.password);
          await heading(page, 'Account').waitFor();
          await row(page, 'Your sessions', 'This session').getByText('Password', { exact: true }).waitFor();
          const all = page.getByRole('button', { name: 'End all other sessions' });
          await all.click();
          await outcome(page, 'Your other sessions have ended.').waitFor();
          await all.waitFor({ state: 'detached' });
          assert.equal(await page.getByRole('region', { name: 'Your sessions' }).getByRole('row').count(), 2);

          await goTo(other, '/');
          await other.waitForURL('**/sign-in');
        });
      }));

    it('changes the password and ends the other sessions', () =>
      on(async (page) => {
        await withPage(browser, { url: server.url, js }, async (other) => {
          other.watch.allow(/401/);
          await goTo(other, '/sign-in');
          await signIn(other, person.email, person.password);
          await heading(other, 'Overview').waitFor();

          await goTo(page, '/sign-in?next=/account');
          await signIn(page, person.email, person.password);
          await page.getByLabel('Present password').fill(person.password);
          await page.getByLabel('New password').fill('yet another sentence');
          await page.getByRole('button', { name: 'Change password' }).click();
          await outcome(page, 'Password changed. Your other sessions have ended.').waitFor();
          person = { ...person, password: 'yet another sentence' };
          assert.equal(await page.getByLabel('Present password').inputValue(), '', 'the form is empty again');
          await goTo(page, '/');
          await heading(page, 'Overview').waitFor();

          await goTo(other, '/');
          await other.waitForURL('**/sign-in');
        });
      }));

    it('signs out for good', () =>
      on(async (page, { context }) => {
        page.watch.allow(/401/);
        await goTo(page, '/sign-in');
        await signIn(page, person.email, person.password);
        await heading(page, 'Overview').waitFor();
        const cookies = await context.cookies();
        await page.locator('summary', { hasText: 'Tom Okafor' }).click();
        await page.getByRole('button', { name: 'Sign out' }).click();
        await heading(page, 'Sign in').waitFor();
        assert.deepEqual((await context.cookies()).filter(({ name }) => name === 'reeve'), []);
        await goTo(page, '/');
        await page.waitForURL('**/sign-in');
        // A copy of the cookie opens nothing either.
        await context.addCookies(cookies);
        await goTo(page, '/');
        await page.waitForURL('**/sign-in');
        assert.equal(await alert(page).count(), 0);
      }));

    if (js) {
      it('tells the server while nobody is at the page, so that the session idles out', () =>
        on(async (page, { context }) => {
          const isAway = async () => (await context.cookies()).some(({ name }) => name === 'reeve-away');
          await page.clock.install();
          await goTo(page, '/sign-in');
          await signIn(page, person.email, person.password);
          await heading(page, 'Overview').waitFor();
          assert.equal(await isAway(), false);
          await page.clock.fastForward(61_000);
          assert.equal(await isAway(), true);
          await page.keyboard.press('Shift');
          assert.equal(await isAway(), false);
        }));
    }

    it('never sends people to another site', () =>
      on(async (page) => {
        await goTo(page, '/sign-in?next=https://elsewhere.example/');
        await signIn(page, person.email, person.password);
        await heading(page, 'Overview').waitFor();
        assert.equal(new URL(page.url()).origin, server.url);
      }));
  });
}
