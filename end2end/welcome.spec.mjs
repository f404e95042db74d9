//! Links to choose a password, as their receivers use them; and what a forgotten password leads to.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, heading, open, problemOf, signIn } from './support/pages.mjs';
import { startServer } from './support/server.mjs';

for (const js of [true, false]) {
  describe(`links ${js ? 'with' : 'without'} JavaScript`, () => {
    let browser;
    let server;
    let session;
    let link;
    const person = { full_name: 'Mira Sand', email: 'mira@quay.example', password: 'the tide is coming in' };
    before(async () => {
      server = await startServer({ demo: true });
      browser = await openBrowser();
      session = await firstSession(browser, server, server.people.admin);
      link = await asAdmin('POST', '/users', { full_name: person.full_name, email: person.email, role: 'auditor' });
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    /** Asks the API as the admin; answers the link that came of it. */
    const asAdmin = async (method, path, body) => {
      let answer;
      await withPage(browser, { url: server.url, session }, async (page) => {
        await open(page, '/users');
        answer = await api(page, method, path, body);
      });
      assert.ok(answer.status < 300, JSON.stringify(answer));
      assert.match(answer.body.link.url, /\/welcome#\S{43}$/);
      return answer.body.link.url;
    };
    const asStranger = (run) => withPage(browser, { url: server.url, js }, run);

    /** Opens the link: a browser with JavaScript reads it, another one has it pasted. */
    const follow = async (page) => {
      await page.goto(link);
      if (!js) {
        await heading(page, 'Open your link').waitFor();
        await page.getByLabel('Your link').fill(link.split('#')[1]);
        await page.getByRole('button', { name: 'Go on' }).click();
      }
      await page.waitForURL('**/welcome/password');
    };

    it('says who a link is for, and what is wrong with a password', () =>
      asStranger(async (page) => {
        page.watch.allow(/422|400/);
        await follow(page);
        await heading(page, `Welcome, ${person.full_name}`).waitFor();
        await page.getByText(`You sign in as ${person.email}`).waitFor();
        assert.ok(!(await page.content()).includes(link.split('#')[1]), 'the key is in no page');
        assert.ok(!page.url().includes('#'), 'nor in an address');
        await choose(page, 'Mira.Sand.2026');
        assert.match(await problemOf(page.getByLabel('New password')), /easy to guess/);
        await choose(page, 'qwerty123456');
        // The problem of the try before stands there until the answer comes.
        await page.getByText(/stolen passwords/).waitFor();
      }));

    it('lets its receiver in, once', () =>
      asStranger(async (page) => {
        await follow(page);
        await choose(page, person.password);
        await heading(page, 'Overview').waitFor();
        await asStranger(async (other) => {
          await follow(other);
          await heading(other, 'This link is over').waitFor();
          await other.getByRole('main').getByRole('link', { name: 'sign in' }).click();
          await signIn(other, person.email, person.password);
          await heading(other, 'Overview').waitFor();
        });
      }));

    it('takes what is no link for one that is over', () =>
      asStranger(async (page) => {
        await open(page, '/welcome', { js });
        await page.getByLabel('Your link').fill('not a link');
        await page.getByRole('button', { name: 'Go on' }).click();
        await heading(page, 'This link is over').waitFor();
      }));

    it('says whom to ask about a forgotten password where no mail is sent', () =>
      asStranger(async (page) => {
        await open(page, '/sign-in', { js });
        await page.getByRole('link', { name: 'Forgotten your password?' }).click();
        await heading(page, 'Forgotten password').waitFor();
        await page.getByText('Ask whoever runs Reeve for you').waitFor();
        assert.equal(await page.getByRole('button').count(), 0);
      }));
  });
}

async function choose(page, password) {
  await page.getByLabel('New password').fill(password);
  await page.getByRole('button', { name: 'Choose this password and sign in' }).click();
}
