//! A machine becomes a device: the line to run, the page that waits, the token that works once.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { installAgent, startAgent } from './support/agent.mjs';
import { openBrowser, withPage } from './support/browser.mjs';
import { alert, firstSession, heading, isLive, open, outcome, panel, problemOf, question, row } from './support/pages.mjs';
import { startServer } from './support/server.mjs';

const TOKEN = /AGT-[A-Z0-9-]+/i;

describe('adding a device', () => {
  let browser;
  let server;
  let session;
  const agents = [];
  before(async () => {
    server = await startServer({ demo: true });
    browser = await openBrowser();
    session = await firstSession(browser, server, server.people.admin);
  });
  after(async () => {
    for (const agent of agents) await agent.stop();
    await browser?.close();
    await server?.stop();
  });
  const on = (run, options = {}) => withPage(browser, { url: server.url, session, ...options }, run);
  const command = (page, os) => page.locator('.copy-field', { hasText: `Command for ${os}` }).locator('code');

  it('shows one line for each system, once, and the page says when the machine is here', () =>
    on(async (page) => {
      await open(page, '/devices');
      await page.getByRole('link', { name: 'Add device' }).first().click();
      await heading(page, 'Add device').waitFor();
      await chooses(page, 'Northwind Joinery', ['No service location', 'Showroom', 'Workshop']);
      await page.getByLabel('Service location').selectOption({ label: 'Workshop' });
      await page.getByLabel('Name', { exact: true }).fill('bench-01');
      await page.getByRole('button', { name: 'Show the line to run' }).click();
      await page.waitForURL(/\/devices\/add\/[0-9a-f-]{36}$/);
      await heading(page, 'bench-01').waitFor();
      await page.locator('.page-head').getByText('Northwind Joinery · Workshop').waitFor();

      const lines = [];
      for (const os of ['Linux', 'macOS', 'Windows']) {
        await page.getByText(os, { exact: true }).and(page.locator('label')).click();
        for (const other of ['Linux', 'macOS', 'Windows']) {
          assert.equal(await command(page, other).isVisible(), other === os, `${other} while ${os} is chosen`);
        }
        const line = await command(page, os).innerText();
        assert.ok(line.includes(server.url) && !line.includes('\n'), line);
        lines.push(line);
        await page.getByRole('button', { name: `Copy Command for ${os}` }).click();
        await page.getByText('Copied').filter({ visible: true }).first().waitFor();
        assert.equal(await page.evaluate(() => navigator.clipboard.readText()), line);
      }
      await page.getByText('Linux', { exact: true }).and(page.locator('label')).click();
      await page.getByText('Or as a package: .deb, .rpm', { exact: true }).click();
      // This server was given the bare programs only.
      await page.getByText('this server has no .deb of the agent').waitFor();
      await page.getByText('this server has no .rpm of the agent').waitFor();

      const tokens = new Set(lines.map((line) => line.match(TOKEN)?.[0]));
      assert.equal(tokens.size, 1, 'all lines hold the same token');
      const [token] = tokens;

      await isLive(page);
      await page.getByText('Waiting for the machine').waitFor();
      agents.push(await startAgent(server, token));
      const here = panel(page, 'It is here');
      await here.getByText('bench-01', { exact: true }).waitFor();
      await here.getByText('Online', { exact: true }).waitFor({ timeout: 45_000 });
      await here.getByRole('link', { name: 'Open bench-01' }).click();
      await heading(page, 'bench-01').waitFor();
      await page.locator('.page-head').getByRole('link', { name: 'Workshop' }).waitFor();

      await assert.rejects(startAgent(server, token), /the server refused the registration/, 'a token works once');
      await open(page, '/devices/tokens');
      const used = row(page, 'Registration tokens', 'bench-01');
      await used.getByText('Used', { exact: true }).waitFor();
      await used.getByRole('link', { name: 'Device' }).click();
      await heading(page, 'bench-01').waitFor();
    }));

  it('shows the line no second time, and says so', () =>
    on(async (page) => {
      await issue(page, { business: 'Harbour Dental Group', name: 'shown-once' });
      const token = (await command(page, 'Linux').innerText()).match(TOKEN)[0];
      await page.reload();
      await page.getByText('The line was shown once').waitFor();
      assert.ok(!(await page.content()).includes(token), 'the token is nowhere in the page');
      // It still waits.
      await isLive(page);
      agents.push(await startAgent(server, token));
      await panel(page, 'It is here').waitFor();
      await page.reload();
      await page.getByRole('link', { name: 'Open shown-once' }).waitFor();
    }));

  it('asks for what is missing', () =>
    on(async (page) => {
      await open(page, '/devices/add');
      await page.getByRole('button', { name: 'Show the line to run' }).click();
      const business = page.getByRole('main').getByLabel('Business');
      assert.ok(await business.evaluate((field) => field.validity.valueMissing));
      await heading(page, 'Add device').waitFor();
    }));

  it('takes a token back, which then registers nothing', () =>
    on(async (page) => {
      await issue(page, { business: 'Harbour Dental Group', name: 'taken-back' });
      const token = (await command(page, 'Linux').innerText()).match(TOKEN)[0];
      const ask = await question(page, 'Revoke', 'Revoke this registration token?');
      await ask.getByRole('button', { name: 'Revoke token' }).click();
      await outcome(page, 'Registration token revoked.').waitFor();
      await page.getByText(/no machine can register with this any more/).waitFor();
      await assert.rejects(startAgent(server, token), /the server refused the registration/);

      await issue(page, { business: 'Harbour Dental Group', name: 'taken-back-too' });
      await open(page, '/devices/tokens');
      const mine = row(page, 'Registration tokens', 'taken-back-too');
      await mine.locator('summary').click();
      await mine.getByRole('button', { name: 'Revoke token' }).click();
      await outcome(page, 'Registration token revoked.').waitFor();
      await mine.getByText('Revoked', { exact: true }).waitFor();
    }));

  it('works without JavaScript', () =>
    on(
      async (page) => {
        page.watch.allow(/404|422|400/);
        await page.goto('/devices/add');
        const main = page.getByRole('main');
        const places = main.getByLabel('Service location');
        const groups = await places.locator('optgroup').evaluateAll((all) => all.map((group) => group.label));
        assert.deepEqual(groups, ['Harbour Dental Group', 'Lindqvist & Partners', 'Northwind Joinery']);
        // Nothing keeps somebody from choosing another business's place; the server does.
        await main.getByLabel('Business').selectOption({ label: 'Northwind Joinery' });
        await places.selectOption({ label: 'Archive' });
        await main.getByRole('button', { name: 'Show the line to run' }).click();
        assert.match(await problemOf(places), /\S/);
        assert.equal(await alert(page).count(), 0, 'the problem stands at its field alone');

        await main.getByLabel('Business').selectOption({ label: 'Northwind Joinery' });
        await places.selectOption({ label: 'Showroom' });
        await main.getByLabel('Name', { exact: true }).fill('till-01');
        await main.getByRole('button', { name: 'Show the line to run' }).click();
        await heading(page, 'till-01').waitFor();
        for (const os of ['Linux', 'macOS', 'Windows']) assert.ok(await command(page, os).isVisible(), os);
        const token = (await command(page, 'Linux').innerText()).match(TOKEN)[0];
        await page.reload();
        await page.getByText('The line was shown once').waitFor();
        await page.getByText('Load this page again once the line has run.').waitFor();
        agents.push(await startAgent(server, token));
        await page.reload();
        await panel(page, 'It is here').waitFor();
        await page.getByRole('link', { name: 'Open till-01' }).click();
        await heading(page, 'till-01').waitFor();
      },
      { js: false },
    ));

  it('installs the agent from the server with the line that is shown', () =>
    on(async (page) => {
      await issue(page, { business: 'Lindqvist & Partners', name: 'by-the-line' });
      const line = await command(page, 'Linux').innerText();
      await isLive(page);
      agents.push(await installAgent(line));
      const here = panel(page, 'It is here');
      await here.getByText('by-the-line', { exact: true }).waitFor();
      await here.getByText('Online', { exact: true }).waitFor({ timeout: 45_000 });
    }));
});

async function issue(page, { business, name }) {
  await open(page, '/devices/add');
  await page.getByRole('main').getByLabel('Business').selectOption({ label: business });
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByRole('button', { name: 'Show the line to run' }).click();
  await heading(page, name).waitFor();
}

/** Chooses a business, after which exactly its places are offered. */
async function chooses(page, business, places) {
  await page.getByRole('main').getByLabel('Business').selectOption({ label: business });
  const select = page.getByLabel('Service location');
  await select.locator('option').nth(places.length).waitFor({ state: 'detached' });
  const offered = await select.locator('option').allTextContents();
  assert.deepEqual(offered, places);
}
