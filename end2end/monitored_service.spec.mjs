//! Services that are looked after, from one click to the restart that the lock of the device lets through; with a real
//! agent and a systemd that is played.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startAgent } from './support/agent.mjs';
import { isAccessible } from './support/axe.mjs';
import { PHONE, WIDE, openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, heading, isKept, isLive, keep, open, outcome, panel, problemOf, question, row } from './support/pages.mjs';
import { OUT } from './support/paths.mjs';
import { startServer } from './support/server.mjs';
import { playSystemd } from './support/systemd.mjs';

/** The agent looks every two seconds; its first inventory comes with its first words. */
const LOOK = 30_000;

describe('monitored services', () => {
  let browser;
  let server;
  let agent;
  let session;
  let device;
  let business;
  const systemd = playSystemd();
  before(async () => {
    systemd.unit('web.service', 'active', '1', 'The web server of the practice');
    systemd.unit('mail.service', 'active', '1', 'Mail');
    systemd.unit('old.service', 'inactive', '');
    server = await startServer({ demo: true });
    browser = await openBrowser();
    session = await firstSession(browser, server, server.people.admin);
    agent = await startAgent(server, server.token, systemd.environment);
    await on(async (page) => {
      await open(page, '/devices');
      const link = row(page, 'Devices', 'Harbour Dental Group').getByRole('link').first();
      device = (await link.getAttribute('href')).split('/').at(-1);
      business = (await api(page, 'GET', `/agents/${device}`)).body.business_id;
    });
    mkdirSync(OUT, { recursive: true });
  });
  after(async () => {
    await agent?.stop();
    await browser?.close();
    await server?.stop();
    systemd.remove();
  });
  const on = (run, options = {}) => withPage(browser, { url: server.url, session, ...options }, run);
  const services = () => `/devices/${device}/services`;
  const watched = (page, name) => panel(page, 'Looked after').locator('.watched', { hasText: name });

  it('are looked after with one click, and their crash shows by itself', () =>
    on(async (page) => {
      await open(page, services());
      await isLive(page);
      const web = row(page, 'System services', 'web.service');
      await web.waitFor({ timeout: LOOK });
      await panel(page, 'Looked after').getByText('No service of this device is looked after').waitFor();
      await keep(page);
      await web.getByRole('button', { name: 'Look after web.service' }).click();
      await outcome(page, 'web.service is looked after.').waitFor();
      const mine = watched(page, 'web.service');
      await mine.getByText('As wanted').waitFor({ timeout: LOOK });
      await mine.getByText('Should run', { exact: true }).waitFor();
      systemd.unit('web.service', 'failed', '1');
      await mine.getByText('Has failed').waitFor({ timeout: LOOK });
      await mine.getByText('Ended with 139').waitFor();
      await panel(page, 'Looked after').getByText('1 of 1 not as they should be').waitFor();
      await page.getByRole('banner').or(page.getByRole('main')).getByText('not as wanted').first().waitFor();
      await isKept(page);
      await open(page, '/devices?services_wrong=true');
      await row(page, 'Devices', 'Harbour Dental Group').getByText('1 service').waitFor();
      await open(page, `/devices/${device}/activity`);
      await page.getByText('web.service was running and has failed (exit code 139)').waitFor();
    }));

  it('are restarted only once somebody at the device has armed it', () =>
    on(async (page) => {
      await open(page, services());
      await watched(page, 'web.service').getByRole('link', { name: 'Change' }).click();
      await heading(page, 'web.service').waitFor();
      await page.getByLabel('Restart it when it crashes').check();
      await page.getByRole('button', { name: 'Save' }).click();
      await outcome(page, 'web.service changed.').waitFor();
      await open(page, services());
      await isLive(page);
      const mine = watched(page, 'web.service');
      await mine.getByText('locked_local').waitFor({ timeout: LOOK });
      await mine.getByText('sudo reeve-agent lock arm --for 2h --allow restart_service:web', { exact: true }).waitFor();
      await pictures(page, 'device-services-refused');
      systemd.unit('web.service.restarted', 'active', '2');
      await agent.lock('arm', '--for', '2h', '--allow', 'restart_service:web');
      await mine.getByText('Restarted once').waitFor({ timeout: LOOK });
      await mine.getByText('As wanted').waitFor({ timeout: LOOK });
      await page.getByText('device armed').waitFor({ timeout: LOOK });
      await open(page, `/devices/${device}`);
      const lock = panel(page, 'Lock on the device');
      await lock.getByText('restart_service:web', { exact: true }).waitFor();
      await pictures(page, 'device-armed');
      await agent.lock('disarm');
      await page.getByText('device locked').waitFor({ timeout: LOOK });
      await lock.getByText(/^Locked: nothing/).waitFor();
    }));

  it('follow the business, unless the device decides for itself', () =>
    on(async (page) => {
      await open(page, `/businesses/${business}`);
      const mine = panel(page, 'Monitored services');
      await mine.locator('summary').click();
      page.watch.allow(/422/);
      await mine.getByLabel('Service', { exact: true }).fill('--now');
      await mine.getByRole('button', { name: 'Look after it' }).click();
      assert.match(await problemOf(mine.getByLabel('Service', { exact: true })), /Write the name of a service/);
      await mine.getByLabel('Service', { exact: true }).fill('mail');
      await mine.getByRole('button', { name: 'Look after it' }).click();
      await outcome(page, 'mail is looked after.').waitFor();
      await mine.getByRole('link', { name: 'mail' }).waitFor();
      await isAccessible(page);

      await open(page, services());
      const mail = watched(page, 'mail.service');
      await mail.getByText('By a rule of the business').waitFor();
      await mail.getByText('As wanted').waitFor({ timeout: LOOK });
      await mail.getByRole('button', { name: 'Not on this device' }).click();
      await mail.getByText('Not looked after').waitFor();
      await mail.getByRole('button', { name: 'Back to the wider rule' }).click();
      await mail.getByText('By a rule of the business').waitFor();
    }));

  it('are listed, and a rule can be removed', () =>
    on(async (page) => {
      await open(page, '/settings');
      await page.getByRole('link', { name: 'Monitored services' }).click();
      await heading(page, 'Monitored services').waitFor();
      await row(page, 'Services that are looked after', 'mail').getByText('Harbour Dental Group').waitFor();
      await row(page, 'Services that are looked after', 'web.service').getByText('Should run, restarted when it crashes').waitFor();
      await pictures(page, 'monitored-services');
      await page.getByLabel('Service', { exact: true }).fill('Spooler');
      await page.getByLabel('On devices with').selectOption('windows');
      await page.getByRole('button', { name: 'Look after it' }).click();
      await row(page, 'Services that are looked after', 'Spooler').getByText('All businesses, Windows only').waitFor();
      await page.getByRole('link', { name: 'Spooler' }).click();
      const remove = await question(page, 'Remove rule', 'Remove the rule about Spooler?');
      await remove.getByRole('button', { name: 'Remove' }).click();
      await page.waitForURL('**/monitored-services');
      await row(page, 'Services that are looked after', 'mail').waitFor();
      assert.equal(await row(page, 'Services that are looked after', 'Spooler').count(), 0);
    }));

  it('can be decided about without JavaScript', () =>
    on(
      async (page) => {
        await open(page, services(), { js: false });
        await row(page, 'System services', 'old.service').getByRole('button', { name: 'Look after old.service' }).click();
        await watched(page, 'old.service').getByText('Should run', { exact: true }).waitFor();
        await watched(page, 'old.service').getByRole('link', { name: 'Change' }).click();
        await page.getByLabel('Wanted').selectOption('false');
        await page.getByRole('button', { name: 'Save' }).click();
        await page.getByText('Should not run').first().waitFor();
        await page.goto(services());
        await watched(page, 'old.service').getByRole('button', { name: 'No longer look after' }).click();
        await page.getByText('The rule about old.service was removed.').waitFor();
        assert.equal(await watched(page, 'old.service').count(), 0);
      },
      { js: false },
    ));
});

/** Light and dark, wide and on a phone, each without anything that keeps people out. */
async function pictures(page, name) {
  for (const viewport of [WIDE, PHONE]) {
    await page.setViewportSize(viewport);
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: join(OUT, `${name}-${theme}-${viewport.width}.png`), fullPage: true });
      await isAccessible(page);
    }
  }
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: 'light' });
}
