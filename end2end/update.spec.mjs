//! One update as people see it, with nothing played: a release that the real tool signed is uploaded and rolled out in the
//! portal, and the real supervisor puts it in the place of the agent that runs on this machine.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startSupervised } from './support/agent.mjs';
import { isAccessible } from './support/axe.mjs';
import { alive, openBrowser, withPage } from './support/browser.mjs';
import { renew } from './support/factor.mjs';
import { api, firstSession, heading, isKept, isLive, keep, open, panel, row } from './support/pages.mjs';
import { OUT } from './support/paths.mjs';
import { freshnessKey, openWorkstation, sha256 } from './support/release.mjs';
import { startServer } from './support/server.mjs';

/** A program of some fifty megabytes is read, sent, fetched and tried in less, also on a busy machine. */
const LONG = 120_000;
/** A device that was started is online within this time. */
const SOON = 45_000;

describe('an update', () => {
  let browser;
  let server;
  let desk;
  let agent;
  let session;
  let release;
  let id;
  before(async () => {
    mkdirSync(OUT, { recursive: true });
    server = await startServer({ demo: true });
    desk = openWorkstation({ freshness: freshnessKey(server) });
    const installed = desk.release('1.4.0', 1, { updater: false });
    release = desk.release('1.5.0', 2, { updater: false });
    browser = await openBrowser();
    session = await firstSession(browser, server, server.people.admin);
    await on(async (page) => {
      await open(page, '/');
      const trusted = { root: readFileSync(desk.root, 'utf8'), fingerprint: desk.fingerprint };
      const { status, body } = await api(page, 'POST', '/releases/roots', trusted);
      assert.equal(status, 201, JSON.stringify(body));
    });
    // What a device trusts comes with its registration.
    agent = await startSupervised(server, server.token, installed.agent);
  });
  after(async () => {
    await agent?.stop();
    await browser?.close();
    await server?.stop();
    desk?.close();
  });
  const on = (run) => {
    renew(server, server.people.admin);
    return withPage(browser, { url: server.url, session }, run);
  };

  it('begins on a device that says what it runs', () =>
    on(async (page) => {
      await open(page, '/devices');
      const mine = row(page, 'Devices', hostname());
      await mine.getByText('Online', { exact: true }).waitFor({ timeout: SOON });
      id = (await mine.getByRole('link', { name: hostname() }).getAttribute('href')).split('/').at(-1);
      await open(page, `/devices/${id}/updates`);
      const runs = panel(page, 'What runs');
      await runs.getByText('1.4.0', { exact: true }).waitFor();
      await runs.getByText('agent-1', { exact: true }).waitFor();
      assert.equal(await page.getByText('No supervisor started this agent').count(), 0);
      await page.getByText('No updates').waitFor();
    }));

  it('is uploaded', () =>
    on(async (page) => {
      await open(page, '/releases/upload');
      await page.getByLabel('Signed manifest').setInputFiles(release.manifest);
      await page.getByText('1.5.0, sequence 2').waitFor();
      await page.getByLabel('Programs', { exact: true }).setInputFiles(release.agent);
      const chosen = page.getByRole('list', { name: 'Chosen programs' }).getByRole('listitem');
      const card = chosen.filter({ hasText: basename(release.agent) });
      await card.getByText('Not sent yet').waitFor({ timeout: LONG });
      await page.getByRole('button', { name: 'Upload', exact: true }).click();
      await card.getByText('Stored', { exact: true }).waitFor({ timeout: LONG });
      await page.getByText('Release 1.5.0 is complete').waitFor();
    }));

  it('is rolled out, and ends confirmed on the page of the device, while people look', () =>
    on((page) =>
      on(async (device) => {
        await open(device, `/devices/${id}/updates`);
        await isLive(device);
        await keep(device);

        await open(page, '/releases');
        await row(page, 'Releases', '1.5.0').getByRole('link').click();
        await page.getByRole('link', { name: 'Roll out' }).click();
        await page.waitForURL('**/rollouts/new?release=**');
        await heading(page, 'New rollout').waitFor();
        await alive(page);
        await page.getByLabel('Name', { exact: true }).fill('1.5.0 to everybody');
        for (let number = 4; number >= 1; number -= 1) {
          await page.getByRole('button', { name: `Remove: wave ${number}` }).click();
        }
        const wave = page.getByRole('group', { name: 'Wave 1', exact: true });
        await wave.getByLabel('Soak').fill('0');
        await wave.getByLabel('Of each platform').fill('1');
        await page.getByLabel('Minutes to spread them over').fill('0');
        await page.getByLabel('It starts').selectOption('now');
        await page.getByText('1.5.0 goes to 1 device').waitFor();
        await page.getByRole('button', { name: 'Make this rollout' }).click();
        await heading(page, '1.5.0 to everybody').waitFor();

        const updates = panel(device, 'Updates');
        await updates.getByText('Confirmed', { exact: true }).waitFor({ timeout: LONG }).catch((error) => {
          throw new Error(`${error.message}\n--- the supervisor\n${agent.output.slice(-4000)}`);
        });
        await updates.getByText(/No agent ran for .* during the change/).waitFor();
        await updates.getByRole('link', { name: '1.5.0 to everybody' }).waitFor();
        const runs = panel(device, 'What runs');
        await runs.getByText('1.5.0', { exact: true }).waitFor({ timeout: SOON });
        await runs.getByText(sha256(release.agent), { exact: true }).waitFor();
        await isKept(device);
        await isAccessible(device);
        await device.screenshot({ path: join(OUT, 'device-updated.png'), fullPage: true });

        const head = page.locator('.page-head .status');
        await head.getByText('Completed', { exact: true }).waitFor({ timeout: SOON });
        await page.screenshot({ path: join(OUT, 'rollout-completed.png'), fullPage: true });
      }),
    ));
});
