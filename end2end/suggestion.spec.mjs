//! Suggestions, from a service that fails to the request that a person makes of what was proposed; with a real agent and a
//! systemd that is played.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startAgent } from './support/agent.mjs';
import { isAccessible } from './support/axe.mjs';
import { PHONE, WIDE, openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, isKept, isLive, keep, open, outcome, panel, row } from './support/pages.mjs';
import { OUT } from './support/paths.mjs';
import { startServer } from './support/server.mjs';
import { playSystemd } from './support/systemd.mjs';

/** The agent looks every two seconds; its first inventory comes with its first words. */
const LOOK = 30_000;
const SENTENCE = 'Restart the service web.service';

describe('suggestions', () => {
  let browser;
  let server;
  let agent;
  let session;
  let device;
  const systemd = playSystemd();
  before(async () => {
    systemd.unit('web.service', 'active', '1', 'The web server of the practice');
    server = await startServer({ demo: true });
    browser = await openBrowser();
    session = await firstSession(browser, server, server.people.admin);
    agent = await startAgent(server, server.token, systemd.environment);
    await on(async (page) => {
      await open(page, '/devices');
      const link = row(page, 'Devices', 'Harbour Dental Group').getByRole('link').first();
      device = (await link.getAttribute('href')).split('/').at(-1);
      const made = await api(page, 'POST', '/monitored-services', { device_id: device, service_name: 'web' });
      assert.equal(made.status, 201);
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
  const suggested = (page, title = 'Suggestions') => panel(page, title).locator('.suggestion', { hasText: SENTENCE });
  const runs = async (page) => {
    const found = await api(page, 'GET', `/agents/${device}/monitored-services`);
    return found.body.items[0]?.status === 'running';
  };
  let run = 1;
  const turns = (active) => systemd.unit('web.service', active, String(++run));

  it('come with the alert, show both locks, and go when it is over', () =>
    on(async (page) => {
      await open(page, `/devices/${device}`);
      await isLive(page);
      await until(() => runs(page), 'the agent tells that the service runs');
      await keep(page);
      turns('failed');
      const card = suggested(page);
      await card.waitFor({ timeout: LOOK });
      await panel(page, 'Open alerts').getByText('web.service has failed').waitFor();
      await card.getByText('Waits for a person').waitFor();
      await card.getByText('This will be refused by the device until someone arms it there.').waitFor();
      await card.getByText('sudo reeve-agent lock arm --for 2h --allow restart_service:web').waitFor();
      await isKept(page);
      await pictures(page, 'suggestion-device');
      turns('active');
      await card.waitFor({ state: 'detached', timeout: LOOK });
      await isKept(page);
    }));

  it('are dismissed with a reason, and the alert says so', () =>
    on(async (page) => {
      await open(page, '/approvals');
      await isLive(page);
      turns('failed');
      const card = suggested(page);
      await card.waitFor({ timeout: LOOK });
      await pictures(page, 'suggestion-approvals');
      await card.getByText('Dismiss', { exact: true }).click();
      await card.getByLabel('Why not').fill('It is being replaced today.');
      await pictures(page, 'suggestion-dismiss');
      await card.getByRole('link', { name: 'See the alert' }).click();
      await page.waitForURL('**/alerts/*');
      const mine = suggested(page, 'Suggestion');
      await mine.getByText('Dismiss', { exact: true }).click();
      await mine.getByLabel('Why not').fill('It is being replaced today.');
      await mine.getByRole('button', { name: 'Dismiss the suggestion' }).click();
      await outcome(page, 'Suggestion dismissed.').waitFor();
      await mine.getByText('Dismissed', { exact: true }).waitFor();
      await mine.getByText('It is being replaced today.').waitFor();
      await pictures(page, 'suggestion-alert');
      turns('active');
      await page.getByText('Resolved by itself').first().waitFor({ timeout: LOOK });
    }));

  it('become a request like any other, also without JavaScript', () =>
    on(
      async (page) => {
        turns('failed');
        const card = suggested(page);
        await until(async () => {
          await open(page, `/devices/${device}`, { js: false });
          return (await card.count()) === 1;
        }, 'the device proposes a restart');
        await card.getByRole('button', { name: 'Ask for approval' }).click();
        await page.waitForURL('**/commands/*');
        await page.getByText('Asked for approval.').waitFor();
        await page.getByText('web.service has failed').first().waitFor();
        await open(page, `/devices/${device}`, { js: false });
        assert.equal(await card.count(), 0, 'it is settled');
      },
      { js: false },
    ));
});

/** Asks again and again, for half a minute at most. */
async function until(is, what) {
  const end = Date.now() + LOOK;
  while (!(await is())) {
    assert.ok(Date.now() < end, `${what}: not within ${LOOK / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

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
