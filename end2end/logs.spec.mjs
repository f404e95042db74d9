//! Logs and alerts with a real agent that follows a real file: from the settings in the portal to the line on the page,
//! and from a burst of errors to an alert that somebody settles.

import assert from 'node:assert/strict';
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startAgent } from './support/agent.mjs';
import { isAccessible } from './support/axe.mjs';
import { PHONE, openBrowser, withPage } from './support/browser.mjs';
import { firstSession, heading, isKept, isLive, keep, open, outcome, panel, problemOf, row } from './support/pages.mjs';
import { temporaryFolder } from './support/paths.mjs';
import { startServer } from './support/server.mjs';

/** Agents look at logs every fifteen seconds. */
const NEXT_LOOK = 40_000;

describe('logs and alerts', () => {
  let browser;
  let server;
  let agent;
  let session;
  let id;
  const { folder, remove } = temporaryFolder('logs');
  const file = join(folder, 'app.log');
  before(async () => {
    writeFileSync(file, '');
    server = await startServer({ demo: true });
    browser = await openBrowser();
    session = await firstSession(browser, server, server.people.admin);
    agent = await startAgent(server, server.token);
  });
  after(async () => {
    await agent?.stop();
    await browser?.close();
    await server?.stop();
    remove();
  });
  const on = (run, options = {}) => withPage(browser, { url: server.url, session, ...options }, run);
  const line = (page, text) => row(page, 'Log lines', text);

  it('names the files to follow, and says what is wrong with a path', () =>
    on(async (page) => {
      await open(page, '/devices');
      const mine = row(page, 'Devices', hostname());
      await mine.getByText('Online', { exact: true }).waitFor({ timeout: 45_000 });
      id = (await mine.getByRole('link', { name: hostname() }).getAttribute('href')).split('/').at(-1);
      await open(page, `/devices/${id}/logs`);
      const sources = panel(page, 'What is followed');
      await sources.getByText('Decided by: built in').waitFor();
      await sources.locator('summary').click();
      const files = sources.getByLabel('Files');
      page.watch.allow(/422/);
      await files.fill('app.log');
      await sources.getByRole('button', { name: 'Save' }).click();
      assert.match(await problemOf(files), /^app\.log: the path has to be absolute/);
      await files.fill(`${folder}/*.log`);
      await sources.getByRole('button', { name: 'Save' }).click();
      await outcome(page, 'Log sources changed.').waitFor();
      await sources.getByText('Decided by: this device').waitFor();
    }));

  it('shows what the device writes as it writes it, through a rotation', () =>
    on(async (page) => {
      await open(page, `/devices/${id}/logs`);
      await isLive(page);
      await keep(page);
      // The agent hears at once, and looks from the end of the file on.
      await new Promise((done) => setTimeout(done, 2_000));
      appendFileSync(file, 'INFO all is well\nERROR \u001b[31mthe database\u001b[0m is gone\n');
      renameSync(file, join(folder, 'app.log.1'));
      writeFileSync(file, 'WARN <b>the disk</b> is filling\n');
      await line(page, 'is filling').waitFor({ timeout: NEXT_LOOK });
      await line(page, '<b>the disk</b>').getByText('Warning', { exact: true }).waitFor();
      await line(page, String.raw`\x1b[31mthe database\x1b[0m is gone`).getByText('Error', { exact: true }).waitFor();
      assert.equal(await line(page, 'all is well').count(), 0);
      await isKept(page);
      await isAccessible(page);
    }));

  it('holds still while somebody reads, and goes on', () =>
    on(async (page) => {
      await open(page, `/devices/${id}/logs`);
      await isLive(page);
      await page.getByRole('button', { name: 'Pause' }).click();
      appendFileSync(file, 'ERROR while somebody read\n');
      await page.getByText('Paused; there are new lines.').waitFor({ timeout: NEXT_LOOK });
      assert.equal(await line(page, 'while somebody read').count(), 0);
      await page.getByRole('button', { name: 'Go on' }).click();
      await line(page, 'while somebody read').waitFor();
    }));

  it('finds lines over all devices by what stands in the URL', () =>
    on(async (page) => {
      await open(page, '/logs');
      await line(page, 'is filling').waitFor();
      await page.getByLabel('Level').selectOption('error');
      await page.waitForURL('**/logs?level=error');
      await line(page, 'is filling').waitFor({ state: 'detached' });
      await open(page, '/logs?search=DATABASE');
      await line(page, 'is gone').waitFor();
      assert.equal(await page.locator('tr[data-line]').count(), 1);
      await page.getByRole('link', { name: 'Wrap lines' }).click();
      await page.waitForURL('**wrap=true**');
      await open(page, '/logs?search=nothing-says-this');
      await page.getByText('No line matches').waitFor();
    }));

  it('opens one alert for a burst of errors, which somebody takes on and resolves', () =>
    on(async (page) => {
      await open(page, '/alerts');
      await page.getByText('No alerts').waitFor();
      await isLive(page);
      await keep(page);
      appendFileSync(file, Array.from({ length: 12 }, (_, n) => `ERROR request ${n} failed\n`).join(''));
      const mine = row(page, 'Alerts', hostname());
      await mine.getByText('Firing', { exact: true }).waitFor({ timeout: NEXT_LOOK });
      await isKept(page);
      await isAccessible(page);
      await mine.getByRole('button', { name: 'Take on' }).click();
      await mine.getByText('Acknowledged', { exact: true }).waitFor();
      await open(page, '/');
      await page.getByRole('link', { name: '1 alert is open' }).waitFor();
      await open(page, `/devices/${id}`);
      const link = panel(page, 'Open alerts').getByRole('link', { name: /errors within 60 seconds/ });
      await link.click();
      await heading(page, /errors within 60 seconds/).waitFor();
      await page.getByLabel('What was it').fill('The database was restarted.');
      await page.getByRole('button', { name: 'Resolve' }).click();
      await outcome(page, 'Alert resolved.').waitFor();
      await page.getByText('The database was restarted.').waitFor();
      await isAccessible(page);
      await open(page, '/alerts?open=true');
      await page.getByText('No alert matches').waitFor();
    }));

  it('reads without JavaScript and on a phone', async () => {
    await on(
      async (page) => {
        await open(page, `/devices/${id}/logs`, { js: false });
        await line(page, 'is gone').waitFor();
        await open(page, '/alerts', { js: false });
        await row(page, 'Alerts', 'errors within 60 seconds').waitFor();
      },
      { js: false },
    );
    await on(
      async (page) => {
        for (const path of ['/logs', `/devices/${id}/logs`, '/alerts', '/monitoring']) {
          await open(page, path);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
          await isAccessible(page);
        }
      },
      { viewport: PHONE },
    );
  });
});
