//! A device from its first sign of life to the end of its access, with a real agent on this machine.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { hostname, release } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { startAgent } from './support/agent.mjs';
import { openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, heading, isKept, isLive, keep, open, outcome, panel, question, row } from './support/pages.mjs';
import { startServer } from './support/server.mjs';

/** Agents send a sample every minute. */
const NEXT_SAMPLE = 100_000;
/** A device that stopped counts as offline within half a minute. */
const PRESENCE = 45_000;

describe('a device', () => {
  let browser;
  let server;
  let agent;
  let session;
  let id;
  let name = hostname();
  before(async () => {
    server = await startServer({ demo: true });
    browser = await openBrowser();
    session = await firstSession(browser, server, server.people.admin);
  });
  after(async () => {
    await agent?.stop();
    await browser?.close();
    await server?.stop();
  });
  const on = (run, options = {}) => withPage(browser, { url: server.url, session, ...options }, run);
  const tab = (page, label) => page.getByRole('navigation', { name: 'Device' }).getByRole('link', { name: label });
  const openTab = async (page, path, label) => {
    await open(page, `/devices/${id}${path}`);
    await heading(page, name).waitFor();
    assert.equal(await tab(page, label).getAttribute('aria-current'), 'page');
  };

  it('appears in the list by itself, online, with its values', () =>
    on(async (page) => {
      await open(page, '/devices');
      await page.getByText('No devices yet').waitFor();
      await isLive(page);
      await keep(page);
      agent = await startAgent(server, server.token);
      const mine = row(page, 'Devices', name);
      await mine.waitFor();
      id = (await mine.getByRole('link', { name }).getAttribute('href')).split('/').at(-1);
      await mine.getByText('Harbour Dental Group · Harbour Street practice').waitFor();
      await mine.getByText('Online', { exact: true }).waitFor({ timeout: PRESENCE });
      await mine.getByRole('img', { name: /^CPU \d/ }).waitFor({ timeout: NEXT_SAMPLE });
      await mine.getByRole('img', { name: /^Memory \d/ }).waitFor();
      await mine.getByRole('img', { name: /^CPU over the last hour: latest \d/ }).waitFor();
      await isKept(page);
    }));

  it('shows new values without being loaded anew', () =>
    on(async (page) => {
      await openTab(page, '', 'Overview');
      await isLive(page);
      await keep(page);
      const now = panel(page, 'Now');
      await now.getByRole('img', { name: /^CPU \d/ }).waitFor();
      await changes(now, NEXT_SAMPLE);
      await isKept(page);
    }));

  it('says how it is, since when, and what runs on it', () =>
    on(async (page) => {
      await openTab(page, '', 'Overview');
      const head = page.locator('.page-head');
      await head.getByText('Online', { exact: true }).waitFor();
      await head.getByText(/since \d+ \w+ \d{4}, \d\d:\d\d:\d\d/).waitFor();
      await head.getByRole('link', { name: 'Harbour Dental Group' }).waitFor();
      await head.getByRole('link', { name: 'Harbour Street practice' }).waitFor();
      await head.getByText(/Agent \d+\.\d+\.\d+/).waitFor();
      await head.getByText('WebSocket').waitFor();
    }));

  it('draws its metrics over an hour, a day, a week and a month', () =>
    on(async (page) => {
      await openTab(page, '/metrics', 'Metrics');
      for (const [label, word] of [['1 h', '1h'], ['24 h', '24h'], ['7 d', '7d'], ['30 d', '30d']]) {
        const choice = page.getByRole('navigation', { name: 'Range' }).getByRole('link', { name: label, exact: true });
        await choice.click();
        await page.waitForURL(`**/metrics?range=${word}`);
        await choice.and(page.locator('[aria-current=true]')).waitFor();
        for (const chart of ['CPU', 'Memory', 'Load', 'Network']) {
          const plot = page.getByRole('img', { name: new RegExp(`^${chart}\\. .*latest`) });
          await plot.waitFor();
          assert.match(await plot.locator('.chart-line-1').getAttribute('d'), /^M[\d.]+ [\d.]+/, `${chart} over ${label}`);
        }
      }
      await page.reload();
      await page.getByRole('navigation', { name: 'Range' }).locator('[aria-current=true]', { hasText: '30 d' }).waitFor();
    }));

  it('looks closer where somebody drags, and says the same in a table', () =>
    on(async (page) => {
      await openTab(page, '/metrics', 'Metrics');
      const plot = page.getByRole('img', { name: /^CPU\. / });
      const frame = await plot.boundingBox();
      const y = frame.y + frame.height / 3;
      await page.mouse.move(frame.x + frame.width * 0.5, y);
      await page.mouse.down();
      // To the very edge: the first samples are less than a minute old.
      await page.mouse.move(frame.x + frame.width - 1, y, { steps: 5 });
      await page.mouse.up();
      await page.waitForURL(/metrics\?start=.+&end=.+/);
      const times = new URL(page.url()).searchParams;
      const minutes = (Date.parse(times.get('end')) - Date.parse(times.get('start'))) / 60_000;
      assert.ok(minutes > 25 && minutes < 35, `half of an hour is not ${minutes} minutes`);
      const chart = page.getByRole('figure').filter({ hasText: 'CPU' }).first();
      await chart.locator('summary', { hasText: 'As a table' }).click();
      await chart.getByRole('cell', { name: /\d.*%/ }).first().waitFor();
      await page.goBack();
      await page.waitForURL(/metrics$/);
    }));

  it('lists its disks and what uses most of it', () =>
    on(async (page) => {
      await openTab(page, '/metrics', 'Metrics');
      const { body } = await api(page, 'GET', `/agents/${id}`);
      const disks = page.getByRole('region', { name: 'Disks' }).first();
      for (const disk of body.latest.disks) await disks.getByRole('cell', { name: disk.mount, exact: true }).waitFor();
      if (body.latest.disks.length === 0) await disks.getByText('The agent has not reported a local disk.').waitFor();
      const processes = page.getByRole('region', { name: 'Top processes' }).first();
      const busiest = body.latest.top_processes[0];
      assert.ok(busiest, 'a sample holds the processes that use most');
      await processes.getByRole('row').nth(1).waitFor();
    }));

  it('is honest about services', () =>
    on(async (page) => {
      await openTab(page, '/services', 'Services');
      if (existsSync('/run/systemd/system')) {
        const services = page.getByRole('region', { name: 'System services' });
        await services.getByRole('row').nth(1).waitFor({ timeout: PRESENCE });
        await page.getByRole('searchbox', { name: 'Search services' }).fill('systemd');
        await page.getByRole('searchbox', { name: 'Search services' }).press('Enter');
        await page.waitForURL(/search=systemd/);
        await services.getByRole('row').filter({ hasText: 'systemd' }).first().waitFor();
      } else {
        await page.getByText('No services', { exact: true }).waitFor({ timeout: PRESENCE });
        await page.getByText(/no service manager that the agent knows/).waitFor();
      }
    }));

  it('finds installed software', () =>
    on(async (page) => {
      await openTab(page, '/software', 'Software');
      const software = page.getByRole('region', { name: 'Software' });
      const named = (name) => software.locator('td.main').getByText(name, { exact: true });
      await software.getByRole('row').nth(1).waitFor({ timeout: PRESENCE });
      const search = page.getByRole('searchbox', { name: 'Search name or vendor' });
      for (const [asked, found] of [['base-f', 'base-files'], ['dpkg', 'dpkg']]) {
        await search.fill(asked);
        await search.press('Enter');
        await page.waitForURL(new RegExp(`search=${asked}`));
        // The others go: a page of everything has fifty rows.
        await software.getByRole('row').nth(30).waitFor({ state: 'detached' });
        await named(found).waitFor();
      }
      await page.reload();
      await named('dpkg').waitFor();
      assert.equal(await search.inputValue(), 'dpkg');
      await search.fill('surely-nothing-is-called-this');
      await search.press('Enter');
      await page.getByText('Nothing found', { exact: true }).waitFor();
      await page.getByRole('link', { name: 'Clear search' }).click();
      await software.getByRole('row').nth(1).waitFor();
    }));

  it('states its facts, and the fingerprint that the machine shows too', () =>
    on(async (page) => {
      await openTab(page, '/facts', 'Facts');
      const fact = (label) => page.locator('.fact').filter({ has: page.getByRole('term').getByText(label, { exact: true }) });
      assert.match(await fact('Host name').innerText(), new RegExp(hostname()));
      assert.ok((await fact('Kernel').innerText()).includes(release()));
      await fact('Architecture').getByText(server.platform.arch).waitFor();
      const status = JSON.stringify(await agent.status());
      const fingerprint = await page.locator('.copy-field', { hasText: 'Key fingerprint' }).locator('code').innerText();
      assert.match(fingerprint, /^[0-9a-f]{16}$/);
      assert.ok(status.includes(fingerprint), `${fingerprint} is not in ${status}`);
    }));

  it('writes down what happened', () =>
    on(async (page) => {
      await openTab(page, '/activity', 'Activity');
      const activity = panel(page, 'Activity').getByRole('listitem');
      await activity.filter({ hasText: /registered/i }).first().waitFor();
      await activity.filter({ hasText: /online|connected/i }).first().waitFor();
    }));

  it('is found by filters and sorting that stand in the URL', () =>
    on(async (page) => {
      await open(page, '/devices');
      const filters = page.getByRole('main').getByRole('search');
      await filters.getByLabel('Status').selectOption({ label: 'Offline' });
      await page.waitForURL(/status=offline/);
      await page.getByText('No device matches').waitFor();
      await page.getByRole('link', { name: 'Clear filters' }).click();
      await row(page, 'Devices', name).waitFor();

      await filters.getByLabel('Business').selectOption({ label: 'Harbour Dental Group' });
      await page.waitForURL(/business_id=/);
      await filters.getByLabel('Service location').selectOption({ label: 'Harbour Street practice' });
      await page.waitForURL(/service_location_id=[0-9a-f]/);
      await filters.getByLabel('Status').selectOption({ label: 'Online' });
      await page.waitForURL(/status=online/);
      await page.getByRole('columnheader', { name: 'CPU' }).getByRole('link').click();
      await page.waitForURL(/sort=cpu&descending=true/);
      await row(page, 'Devices', name).waitFor();

      for (let round = 0; round < 2; round += 1) {
        await page.locator('th[aria-sort=descending]', { hasText: 'CPU' }).waitFor();
        assert.equal(await chosen(filters.getByLabel('Status')), 'Online');
        assert.equal(await chosen(filters.getByLabel('Business')), 'Harbour Dental Group');
        assert.equal(await chosen(filters.getByLabel('Service location')), 'Harbour Street practice');
        await row(page, 'Devices', name).waitFor();
        await page.reload();
      }
      await page.goBack();
      await page.waitForURL((url) => !url.search.includes('sort='));
    }));

  it('keeps a filter when a list is sorted before it has answered', () =>
    on(async (page) => {
      const lists = [
        ['/devices', 'device', (filters) => filters.getByLabel('Status').selectOption('online'), 'CPU', '?status=online&sort=cpu&descending=true'],
        ['/users', 'user', (filters) => filters.getByLabel('Role').selectOption('msp_admin'), 'Email', '?role=msp_admin&sort=email'],
        ['/businesses', 'business', (filters) => filters.getByRole('searchbox').fill('Harbour').then(() => page.keyboard.press('Enter')), 'Added', '?search=Harbour&sort=added'],
      ];
      for (const [path, noun, narrow, head, asked] of lists) {
        await open(page, path);
        const column = page.getByRole('columnheader', { name: head });
        await column.waitFor();
        await page.watch.settled();
        const held = [];
        await page.route(`**/portal/${noun}/list*`, (route) => {
          held.push(route);
        });
        await narrow(page.getByRole('main').getByRole('search'));
        await page.waitForURL((url) => url.search === asked.split('&')[0]);
        await column.getByRole('link').click();
        await page.waitForURL((url) => url.search.includes('sort='));
        assert.equal(new URL(page.url()).search, asked);
        await page.unroute(`**/portal/${noun}/list*`);
        // The first of them nobody waits for any more.
        await Promise.all(held.map((route) => route.continue().catch(() => {})));
        await page.locator('th[aria-sort]', { hasText: head }).waitFor();
      }
    }));

  it('is sorted without JavaScript too, and stays narrowed down', () =>
    on(
      async (page) => {
        await open(page, '/devices?status=online&os=linux', { js: false });
        await page.getByRole('columnheader', { name: 'CPU' }).getByRole('link').click();
        await page.waitForURL(/\?status=online&os=linux&sort=cpu&descending=true$/);
        await page.locator('th[aria-sort=descending]', { hasText: 'CPU' }).waitFor();
        await row(page, 'Devices', name).waitFor();
      },
      { js: false },
    ));

  it('is reached by the keyboard alone', () =>
    on(async (page) => {
      await open(page, '/');
      await isLive(page);
      await page.keyboard.press('g');
      await page.keyboard.press('d');
      await heading(page, 'Devices').waitFor();
      await row(page, 'Devices', name).waitFor();
      await page.keyboard.press('j');
      await page.getByRole('link', { name }).and(page.locator(':focus')).waitFor();
      await page.keyboard.press('k');
      await page.getByRole('link', { name }).and(page.locator(':focus')).waitFor();
      await page.keyboard.press('Enter');
      await heading(page, name).waitFor();

      await page.keyboard.press('?');
      const keys = page.getByRole('dialog', { name: 'Keys' });
      await keys.getByText('Search devices').waitFor();
      await page.keyboard.press('Escape');
      await keys.waitFor({ state: 'hidden' });

      await page.keyboard.press('/');
      const search = page.getByRole('searchbox', { name: 'Search devices', exact: true });
      await search.and(page.locator(':focus')).waitFor();
      await page.keyboard.type(name.slice(0, 4));
      await page.keyboard.press('Enter');
      await page.waitForURL(/devices\?search=/);
      await row(page, 'Devices', name).waitFor();

      await page.goto('/devices');
      await page.keyboard.press('Tab');
      await page.getByRole('link', { name: 'Skip to the page' }).and(page.locator(':focus')).waitFor();
      await page.keyboard.press('Enter');
      await page.locator('main:focus').waitFor();
    }));

  it('gets another name, which others see at once', () =>
    on(async (page) => {
      await withPage(browser, { url: server.url, session }, async (other) => {
        await open(other, '/devices');
        await isLive(other);
        await openTab(page, '', 'Overview');
        const form = panel(page, 'Change this device');
        await form.getByLabel('Name').fill('  ');
        page.watch.allow(/422|400/);
        await form.getByRole('button', { name: 'Save' }).click();
        await form.getByText('This is required.').waitFor();
        await form.getByLabel('Name').fill('front-desk-01');
        await form.getByRole('button', { name: 'Save' }).click();
        await outcome(page, 'Device changed.').waitFor();
        await heading(page, 'front-desk-01').waitFor();
        name = 'front-desk-01';
        await row(other, 'Devices', name).waitFor();
        await page.getByText(/front-desk-01/).first().waitFor();
        await panel(page, 'What changed').getByText('Ada Reeve').waitFor();
      });
    }));

  it('is offline soon after its agent stops, says why, and comes back', () =>
    on(async (page) => {
      await openTab(page, '', 'Overview');
      await isLive(page);
      await keep(page);
      const head = page.locator('.page-head');
      await head.getByText('Online', { exact: true }).waitFor();
      await agent.pause();
      await head.getByText('Offline', { exact: true }).waitFor({ timeout: PRESENCE });
      await head.getByText('the agent was stopped').waitFor();
      await page.getByText(/The device is not connected/).waitFor();
      await agent.resume();
      await head.getByText('Online', { exact: true }).waitFor({ timeout: PRESENCE });
      await isKept(page);
    }));

  it('stays on the page through a restart of the server', () =>
    on(async (page) => {
      page.watch.allow(/ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE|ERR_NETWORK|\/portal\/.* 50[23]/);
      await openTab(page, '', 'Overview');
      await isLive(page);
      await keep(page);
      const link = page.getByRole('banner').getByRole('status');
      await server.pause();
      await link.getByText('Reconnecting').waitFor();
      await server.again();
      await link.getByText('Live', { exact: true }).waitFor({ timeout: PRESENCE });
      await page.locator('.page-head').getByText('Online', { exact: true }).waitFor({ timeout: PRESENCE });
      await changes(panel(page, 'Now'), NEXT_SAMPLE);
      await isKept(page);
    }));

  it('loses its access for good once somebody types its name', () =>
    on(async (page) => {
      await openTab(page, '', 'Overview');
      await page.locator('.page-head').getByText('Online', { exact: true }).waitFor({ timeout: PRESENCE });
      const ask = await question(page, 'Revoke device', `Revoke ${name}?`);
      const typed = ask.getByLabel(`Type ${name} to confirm`);
      const revoke = ask.getByRole('button', { name: 'Revoke for good' });
      await typed.fill('front-desk-02');
      await revoke.click();
      assert.ok(await typed.evaluate((field) => !field.validity.valid));
      await page.locator('.page-head').getByText('Online', { exact: true }).waitFor();
      await typed.fill(name);
      await revoke.click();
      await outcome(page, 'Device revoked.').waitFor();
      await page.locator('.page-head').getByText('Revoked', { exact: true }).waitFor();
      await page.getByText(/add it as a new device/).waitFor();
      const deadline = Date.now() + 30_000;
      while (!/revoked/i.test(agent.output)) {
        assert.ok(Date.now() < deadline, `the agent does not know:\n${agent.output}`);
        await page.waitForTimeout(100);
      }
      await open(page, '/devices');
      await page.getByText('No devices yet').waitFor();
      await open(page, '/devices?revoked=true');
      await row(page, 'Devices', name).getByText('Revoked', { exact: true }).waitFor();
    }));
});

const chosen = (select) => select.evaluate((element) => element.selectedOptions[0]?.textContent);

/** Resolves once the text of a part of the page is another. */
async function changes(part, timeout) {
  const former = await part.innerText();
  const element = await part.elementHandle();
  await part.page().waitForFunction(([element, former]) => element.innerText !== former, [element, former], { timeout });
}
