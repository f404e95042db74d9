//! The same asked of many devices: chosen in the list, by a filter, by a business, by a place, from a script's page and from a
//! row; and how each of them fares, live.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startAgent } from './support/agent.mjs';
import { isAccessible } from './support/axe.mjs';
import { PHONE, WIDE, openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, heading, isKept, isLive, keep, open, outcome, panel, row } from './support/pages.mjs';
import { OUT } from './support/paths.mjs';
import { startServer } from './support/server.mjs';

const SOON = 30_000;
const NAMES = ['reception-01', 'reception-02', 'x-ray-01'];

describe('commands for many devices', () => {
  let browser;
  let server;
  const sessions = {};
  const agents = [];
  let business;
  let location;
  before(async () => {
    server = await startServer({ demo: true });
    browser = await openBrowser();
    for (const name of ['admin', 'technician']) sessions[name] = await firstSession(browser, server, server.people[name]);
    await as('admin', async (page) => {
      await open(page, '/');
      const { items: businesses } = (await api(page, 'GET', '/businesses')).body;
      business = businesses.find(({ business_name }) => business_name === 'Harbour Dental Group').id;
      const { items: places } = (await api(page, 'GET', `/businesses/${business}/service-locations`)).body;
      location = places.find(({ location_name }) => location_name === 'Harbour Street practice').id;
      for (const device_name of NAMES) {
        const service_location_id = device_name.startsWith('x-ray') ? location : null;
        const issued = await api(page, 'POST', '/agents/registration-tokens', { business_id: business, service_location_id, device_name });
        agents.push(await startAgent(server, issued.body.token));
      }
      await open(page, '/devices');
      for (const name of NAMES) await row(page, 'Devices', name).getByText('Online').waitFor({ timeout: SOON });
    });
  });
  after(async () => {
    for (const agent of agents) await agent.stop();
    await browser?.close();
    await server?.stop();
  });
  const as = (name, run, options = {}) => withPage(browser, { url: server.url, session: sessions[name], ...options }, run);
  /** What the composer says it is for. */
  const targets = (page) => page.locator('.target-list').getByRole('listitem').allInnerTexts();
  const chosen = async (page, names) => {
    await page.locator('.target-list').getByRole('listitem').nth(names.length - 1).waitFor();
    const found = await targets(page);
    assert.equal(found.length, names.length, found.join());
    for (const name of names) assert.ok(found.some((text) => text.includes(name)), `${name} is not among ${found.join()}`);
  };

  it('are asked of those that are ticked in the list, with the keyboard alone', () =>
    as('technician', async (page) => {
      await open(page, '/devices');
      await isLive(page);
      await page.keyboard.press('j');
      await page.keyboard.press('x');
      await page.getByText('1 device chosen').waitFor();
      await page.keyboard.press('j');
      await page.keyboard.press('x');
      await page.getByText('2 devices chosen').waitFor();
      await isAccessible(page);
      await page.getByRole('button', { name: 'New command for them' }).click();
      await heading(page, 'New command').waitFor();
      await page.getByRole('link', { name: 'Send a note' }).click();
      await page.getByLabel('Message').fill('We are at your practice at noon.');
      await chosen(page, NAMES.slice(0, 2));
    }));

  it('are asked of those that are ticked, without JavaScript', () =>
    as(
      'technician',
      async (page) => {
        await open(page, '/devices', { js: false });
        const bar = page.getByRole('group', { name: 'The chosen devices' });
        assert.equal(await bar.isVisible(), false);
        await page.getByLabel('Choose reception-01').check();
        await page.getByLabel('Choose x-ray-01').check();
        await bar.getByRole('button', { name: 'New command for them' }).click();
        await page.getByRole('link', { name: 'Collect inventory' }).click();
        await chosen(page, ['reception-01', 'x-ray-01']);
      },
      { js: false },
    ));

  it('are asked of all that match a filter, of a business, of a place', () =>
    as('technician', async (page) => {
      await open(page, '/devices?status=online');
      await page.getByRole('link', { name: 'New command for all 3 that match' }).click();
      await page.getByRole('link', { name: 'Collect inventory' }).click();
      await chosen(page, NAMES);
      await open(page, `/businesses/${business}`);
      await panel(page, 'Devices').getByRole('link', { name: 'New command for all' }).click();
      await page.getByRole('link', { name: 'Collect inventory' }).click();
      await chosen(page, NAMES);
      await open(page, `/service-locations/${location}`);
      await panel(page, 'Devices').getByRole('link', { name: 'New command for all' }).click();
      await page.getByRole('link', { name: 'Collect inventory' }).click();
      await chosen(page, ['x-ray-01']);
      await open(page, '/devices?search=x-ray');
      await row(page, 'Devices', 'x-ray-01').waitFor();
      assert.equal(await page.getByRole('link', { name: /New command for all/ }).count(), 0, 'the composer knows no search');
    }));

  it('are asked from the page of a script, which is not forgotten on the way', () =>
    as('technician', async (page) => {
      await open(page, '/scripts');
      await page.getByRole('link', { name: 'Largest folders' }).click();
      await heading(page, 'Largest folders').waitFor();
      await page.getByRole('link', { name: 'Run it' }).click();
      await page.getByLabel('Choose reception-01').check();
      await page.getByLabel('Choose x-ray-01').check();
      await page.getByRole('button', { name: 'Go on with the chosen ones' }).click();
      await page.getByText('du -x -k').waitFor();
      assert.equal(await page.getByLabel('Script', { exact: true }).locator('option:checked').innerText(), 'Largest folders, version 1');
      assert.equal(await page.getByLabel('Text').isVisible(), false, 'a text is asked for that does not run');
      await page.getByLabel('Parameters').fill('/var');
      await chosen(page, ['reception-01', 'x-ray-01']);
      await page.getByText('0 of 2 devices would do it').waitFor();
      await pictures(page, 'bulk-compose');
    }));

  it('are asked from the row of a process, with its name and both locks', () =>
    as('technician', async (page) => {
      await open(page, '/devices');
      const href = await row(page, 'Devices', 'reception-01').getByRole('link').first().getAttribute('href');
      await open(page, `${href}/metrics`);
      const processes = page.getByRole('region', { name: 'Top processes' });
      const first = processes.getByRole('row').nth(1);
      await first.waitFor({ timeout: 60_000 });
      const name = (await first.locator('td.main').innerText()).trim();
      await first.getByRole('link', { name: 'Restart' }).click();
      await heading(page, 'New command').waitFor();
      assert.equal(await page.getByLabel('Process').inputValue(), name);
      await page.getByText('Needs 1 approval of somebody else.').waitFor();
      await page.getByText('This will be refused by the device until someone arms it there.').waitFor();
    }));

  it('says before it is asked what becomes of devices that are away', () =>
    as('technician', async (page) => {
      await agents[2].pause();
      await open(page, '/devices');
      await row(page, 'Devices', 'x-ray-01').getByText('Offline').waitFor({ timeout: 60_000 });
      await open(page, '/commands/new?all=true&kind=collect_inventory');
      await page.getByText('1 of 3 devices cannot be reached at the moment: it waits until it is back, or its time is over.').waitFor();
      await page.locator('summary', { hasText: 'How long, and when a device is away' }).click();
      await page.getByLabel('When a device is away').selectOption('skip');
      await page.getByText('1 of 3 devices cannot be reached at the moment and is left out; it is not done there later either.').waitFor();
    }));

  it('show how each device fares, as it happens', () =>
    as('technician', async (page) => {
      await open(page, '/commands/new?all=true&kind=notify_ops');
      await page.getByLabel('Message').fill('We are at your practice at noon.');
      await page.getByLabel('Yes, on 3 devices').check();
      await page.getByRole('button', { name: 'Send' }).click();
      await page.waitForURL('**/commands/requests/**');
      await outcome(page, 'On its way.').waitFor();
      await isLive(page);
      await keep(page);
      const devices = panel(page, 'Devices');
      await devices.getByRole('img', { name: '2 of 3 devices have ended.' }).waitFor({ timeout: SOON });
      await row(page, 'Commands', 'reception-01').getByText('Completed', { exact: true }).waitFor();
      await row(page, 'Commands', 'x-ray-01').getByText('Pending', { exact: true }).waitFor();
      await pictures(page, 'bulk-request');
      await agents[2].resume();
      await devices.getByRole('img', { name: '3 of 3 devices have ended.' }).waitFor({ timeout: SOON });
      await isKept(page);
      await devices.getByRole('link', { name: /3\s*Completed/ }).click();
      await page.waitForURL('**/commands?request_id=**');
      await row(page, 'Commands', 'x-ray-01').waitFor();
      assert.equal(await page.getByRole('region', { name: 'Commands' }).getByRole('row').count(), 4);
    }));
});

/** Light and dark, wide and on a phone. */
async function pictures(page, name) {
  for (const viewport of [WIDE, PHONE]) {
    await page.setViewportSize(viewport);
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      await page.screenshot({ path: join(OUT, `${name}-${theme}-${viewport.width}.png`), fullPage: true });
    }
  }
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: 'light' });
  await isAccessible(page);
}
