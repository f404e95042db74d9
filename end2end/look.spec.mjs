//! Every page as people see it: light and dark, wide and on a phone, with and without JavaScript.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startAgent } from './support/agent.mjs';
import { isAccessible } from './support/axe.mjs';
import { PHONE, WIDE, onPage, openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, heading, isKept, isLive, keep, open, row } from './support/pages.mjs';
import { OUT, SITE } from './support/paths.mjs';
import { startServer } from './support/server.mjs';

/** More than this of the page moving about after it was first painted is too much. */
const SHIFT_MAX = 0.02;
/** How many pages are looked at at the same time. */
const PAGES_AT_ONCE = 3;
/** What a browser may have to fetch before the portal is alive. */
const FIRST_LOAD_BYTES_MAX = 250_000;

describe('the look of every page', () => {
  let browser;
  let empty;
  let server;
  let agent;
  let other;
  let session;
  const ids = {};
  /** One browser for each way to look, so that a hundred pages do not start a hundred browsers. */
  const people = new Map();
  const person = async (options) => {
    const { session: kept, ...way } = options;
    const key = JSON.stringify({ ...way, who: Boolean(kept) });
    if (!people.has(key)) people.set(key, browser.person(options));
    return people.get(key);
  };
  before(async () => {
    [empty, server] = [await startServer(), await startServer({ demo: true })];
    browser = await openBrowser();
    session = await firstSession(browser, server, server.people.admin);
    agent = await startAgent(server, server.token);
    await withPage(browser, { url: server.url, session }, async (page) => {
      await open(page, '/devices');
      const link = row(page, 'Devices', 'Harbour Dental Group').getByRole('link').first();
      ids.device = (await link.getAttribute('href')).split('/').at(-1);
      await row(page, 'Devices', 'Online').getByRole('img', { name: /^CPU \d/ }).waitFor({ timeout: 100_000 });
      const first = async (path) => (await api(page, 'GET', path)).body.items[0].id;
      ids.business = await first('/businesses');
      ids.location = await first('/service-locations');
      ids.user = await first('/users');
      const issued = await api(page, 'POST', '/agents/registration-tokens', { business_id: ids.business, device_name: 'waiting' });
      ids.token = issued.body.id;
      const more = await api(page, 'POST', '/agents/registration-tokens', { business_id: ids.business, device_name: 'reception-02' });
      other = await startAgent(server, more.body.token);
      ids.script = await first('/scripts');
      await open(page, `/devices/${ids.device}/software`);
      await page.getByRole('region', { name: 'Software' }).waitFor({ timeout: 60_000 });
    });
    const technician = await firstSession(browser, server, server.people.technician);
    await withPage(browser, { url: server.url, session: technician }, askForThings);
    mkdirSync(OUT, { recursive: true });
  });
  after(async () => {
    await agent?.stop();
    await other?.stop();
    await browser?.close();
    await server?.stop();
    await empty?.stop();
  });

  /** What somebody else asked for: done, refused, for many, and waiting for who looks. */
  async function askForThings(page) {
    await open(page, '/');
    const ask = async (payload, reason) => {
      const made = await api(page, 'POST', `/agents/${ids.device}/commands`, { payload, reason });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      return made.body;
    };
    ids.command = (await ask({ kind: 'notify_ops', message: 'The window is at ten.' }, 'Said at the start of the day.')).command.id;
    await ask({ kind: 'set_rate_limit', endpoint: '/api/v1/orders', limit_rps: 50 });
    ids.waiting = (await ask({ kind: 'restart_service', service_name: 'postgresql' }, 'It takes no connections since ten, and the practice opens at noon.')).request.id;
    const script = 'set -eu\n# What fills the disk\ndu -x -k -d 3 "${1:-/var}" | sort -rn | head -20\n';
    await ask({ kind: 'run_script', shell: 'sh', script, script_sha256: '', parameters: ['/var'] }, 'The disk is nearly full.');
    const { items } = (await api(page, 'GET', `/agents?business_id=${ids.business}`)).body;
    const command = { payload: { kind: 'collect_inventory' } };
    const many = await api(page, 'POST', '/commands', { targets: items.map((device) => device.id), command });
    assert.equal(many.status, 201, JSON.stringify(many.body));
    ids.many = many.body[0].id;
    await open(page, `/commands/${ids.command}`);
    await page.getByText('It is done.').waitFor({ timeout: 30_000 });
  }

  /** Pages by the name of their picture: who sees them, where they are, and what is done there first. */
  const pages = {
    setup: { of: () => empty, who: null, path: () => empty.setupLink },
    'setup-without-key': { of: () => empty, who: null, path: () => '/setup' },
    'sign-in': { who: null, path: () => '/sign-in' },
    'sign-in-wrong': { who: null, path: () => '/sign-in', act: signInWrongly, allow: /401/ },
    overview: { path: () => '/' },
    devices: { path: () => '/devices' },
    'devices-none-match': { path: () => '/devices?search=nothing-is-called-this' },
    device: { path: () => `/devices/${ids.device}` },
    'device-metrics': { path: () => `/devices/${ids.device}/metrics` },
    'device-metrics-month': { path: () => `/devices/${ids.device}/metrics?range=30d` },
    'device-services': { path: () => `/devices/${ids.device}/services` },
    'device-software': { path: () => `/devices/${ids.device}/software` },
    'device-facts': { path: () => `/devices/${ids.device}/facts` },
    'device-logs': { path: () => `/devices/${ids.device}/logs` },
    'device-alerts': { path: () => `/devices/${ids.device}/alerts` },
    'device-commands': { path: () => `/devices/${ids.device}/commands` },
    'device-updates': { path: () => `/devices/${ids.device}/updates` },
    'device-record': { path: () => `/devices/${ids.device}/record` },
    'device-activity': { path: () => `/devices/${ids.device}/activity` },
    'device-revoke': { path: () => `/devices/${ids.device}`, act: askToRevoke },
    'add-device': { path: () => '/devices/add' },
    'add-device-line': { path: () => '/devices/add', act: showTheLine },
    'add-device-shown': { path: () => `/devices/add/${ids.token}`, first: (page, path) => page.goto(path) },
    tokens: { path: () => '/devices/tokens' },
    alerts: { path: () => '/alerts' },
    logs: { path: () => '/logs' },
    monitoring: { path: () => '/monitoring' },
    commands: { path: () => '/commands' },
    'commands-none-match': { path: () => '/commands?state=interrupted' },
    command: { path: () => `/commands/${ids.command}` },
    request: { path: () => `/commands/requests/${ids.waiting}` },
    'request-of-many': { path: () => `/commands/requests/${ids.many}` },
    'compose-devices': { path: () => '/commands/new' },
    'compose-kind': { path: () => `/commands/new?devices=${ids.device}` },
    'compose-service': { path: () => `/commands/new?devices=${ids.device}&kind=restart_service&service_name=postgresql` },
    'compose-script': { path: () => `/commands/new?devices=${ids.device}&kind=run_script` },
    approvals: { path: () => '/approvals' },
    'approvals-none': { path: () => '/approvals?show=rejected' },
    'approval-policies': { path: () => '/approval-policies' },
    'approval-policy-of-all': { path: () => '/approval-policies/all' },
    'approval-policy': { path: () => `/approval-policies/${ids.business}` },
    scripts: { path: () => '/scripts' },
    script: { path: () => `/scripts/${ids.script}` },
    'emergency-stop': { path: () => '/emergency-stop' },
    rollouts: { path: () => '/rollouts' },
    'rollout-design': { path: () => '/rollouts/new' },
    releases: { path: () => '/releases' },
    'release-upload': { path: () => '/releases/upload' },
    'release-roots': { path: () => '/releases/roots' },
    businesses: { path: () => '/businesses' },
    business: { path: () => `/businesses/${ids.business}` },
    'service-location': { path: () => `/service-locations/${ids.location}` },
    users: { path: () => '/users' },
    user: { path: () => `/users/${ids.user}` },
    account: { path: () => '/account' },
    'account-factor': { path: () => '/account/factor' },
    'account-factor-app': { path: () => '/account/factor?with=app' },
    'account-confirm': { path: () => '/account/confirm?next=/account' },
    'account-password': { path: () => '/account/password' },
    menu: { path: () => '/', act: openMenu },
    keys: { path: () => '/', act: openKeys },
    'not-found': { path: () => '/no-such-page', allow: /404/ },
    'device-not-found': { path: () => '/devices/no-such-device', allow: /404/ },
    // Only a portal for development has it, in the server and in what browsers get.
    ...(isForDevelopment() ? { ui: { path: () => '/ui', waits: true } } : {}),
  };

  // Most of the time of a page is waiting until it has settled: others are looked at meanwhile.
  describe('each page', { concurrency: PAGES_AT_ONCE }, () => {
    for (const [name, { of = () => server, who = 'admin', path, first, act, allow, waits }] of Object.entries(pages)) {
      for (const viewport of [WIDE, PHONE]) {
        it(`${name}, ${viewport.width} wide, light and dark`, async () => {
          const options = { url: of().url, session: who ? session : undefined, viewport, zone: 'Europe/Berlin' };
          await onPage(await person(options), async (page) => {
            if (allow) page.watch.allow(allow);
            await first?.(page, path());
            await open(page, path());
            await page.evaluate(() => document.fonts.ready.then(() => {}));
            await page.watch.settled();
            const shifts = await page.evaluate(() => window.layoutShifts);
            const sum = shifts.reduce((sum, { value }) => sum + value, 0);
            assert.ok(sum < SHIFT_MAX, `the page moved by ${sum.toFixed(3)}: ${JSON.stringify(shifts)}`);
            await act?.(page);
            for (const theme of ['light', 'dark']) {
              await page.emulateMedia({ colorScheme: theme });
              await page.evaluate(() => scrollTo(0, 0));
              await page.screenshot({ path: join(OUT, `${name}-${theme}-${viewport.width}.png`), fullPage: true });
              await fits(page);
              await isAccessible(page);
            }
          });
        });
      }
      if (act) continue;
      it(`${name}, without JavaScript`, async () => {
        const options = { url: of().url, session: who ? session : undefined, js: false };
        await onPage(await person(options), async (page) => {
          if (allow) page.watch.allow(allow);
          await page.goto(path());
          await page.getByRole('heading', { level: 1 }).first().waitFor();
          const text = (await page.getByRole('main').innerText()).replace(/\s+/g, ' ');
          assert.ok(text.length > 40, `there is hardly anything to read: ${text}`);
          if (!waits) assert.equal(await page.getByText('Loading', { exact: true }).count(), 0, 'something waits for JavaScript');
          await page.screenshot({ path: join(OUT, `${name}-plain.png`), fullPage: true });
        });
      });
    }
  });

  it('does not move when the browser takes over, nor when its own time zone does', () =>
    withPage(browser, { url: server.url, session, zone: 'Pacific/Chatham' }, async (page) => {
      await open(page, `/devices/${ids.device}/facts`);
      await isLive(page);
      await page.watch.settled();
      const registered = page.locator('.fact', { hasText: 'Registered' }).locator('time');
      assert.match(await registered.innerText(), /UTC\+1[23]:45$/);
    }));

  it('remembers a theme, which the server then draws', () =>
    withPage(browser, { url: server.url, session, theme: 'light' }, async (page) => {
      const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await open(page, '/');
      const light = await paper();
      await openMenu(page);
      await page.getByRole('button', { name: 'Dark' }).click();
      await page.getByRole('button', { name: 'Dark', pressed: true }).waitFor();
      await page.watch.settled();
      const dark = await paper();
      assert.notEqual(light, dark);
      const [response] = [await page.goto('/')];
      assert.match(await response.text(), /<html[^>]*data-theme="?dark/);
      assert.equal(await paper(), dark);
    }));

  it('goes from page to page without loading anew, and takes the focus along', () =>
    withPage(browser, { url: server.url, session }, async (page) => {
      await open(page, '/');
      await isLive(page);
      await keep(page);
      const places = page.getByRole('navigation', { name: 'Places' });
      for (const name of ['Devices', 'Businesses', 'Users', 'Account', 'Overview', 'Devices']) {
        const place = places.getByRole('listitem').getByRole('link', { name });
        await place.click();
        await heading(page, name).waitFor();
        await page.waitForFunction((title) => document.title === title, `${name} · Reeve`);
        await place.and(page.locator('[aria-current=page]')).waitFor();
        await page.locator('main:focus').waitFor();
      }
      await row(page, 'Devices', 'Harbour Dental Group').getByRole('link').first().click();
      const tabs = page.getByRole('navigation', { name: 'Device' });
      for (const tab of ['Metrics', 'Services', 'Software', 'Facts', 'Activity', 'Overview']) {
        await tabs.getByRole('link', { name: tab }).click();
        await tabs.getByRole('link', { name: tab }).and(page.locator('[aria-current=page]')).waitFor();
        await page.locator('main section, main .empty-state, main .table-frame').first().waitFor();
      }
      for (let step = 0; step < 3; step += 1) await page.goBack();
      await tabs.getByRole('link', { name: 'Software' }).and(page.locator('[aria-current=page]')).waitFor();
      await page.watch.settled();
      await isKept(page);
    }));

  it('costs little to load for the first time', () =>
    withPage(browser, { url: server.url, session }, async (page) => {
      const tools = await page.context().newCDPSession(page);
      await tools.send('Network.enable');
      const requests = new Map();
      tools.on('Network.responseReceived', ({ requestId, type, response }) => {
        requests.set(requestId, { type, path: new URL(response.url).pathname, bytes: 0 });
      });
      tools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
        const request = requests.get(requestId);
        if (request) request.bytes = encodedDataLength;
      });
      await open(page, '/devices');
      await isLive(page);
      await page.watch.settled();
      const fetched = [...requests.values()].filter(({ type }) => type !== 'EventSource');
      const sum = fetched.reduce((sum, { bytes }) => sum + bytes, 0);
      for (const { type, path, bytes } of fetched) console.log(`  ${String(bytes).padStart(9)} ${type.padEnd(10)} ${path}`);
      console.log(`  ${String(sum).padStart(9)} bytes in all, on the way to /devices`);
      if (process.env.REEVE_BUNDLE === 'release') {
        assert.ok(sum <= FIRST_LOAD_BYTES_MAX, `${sum} bytes are more than ${FIRST_LOAD_BYTES_MAX}`);
      }
    }));
});

/** Bundles for release are compressed. */
function isForDevelopment() {
  return !existsSync(join(SITE, 'pkg', 'reeve.wasm.br'));
}

/** Nothing makes the page wider than the window. */
async function fits(page) {
  const tooWide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width && document.body.scrollWidth <= width) return [];
    return [...document.body.querySelectorAll('*')]
      .filter((element) => element.getBoundingClientRect().right > width + 1)
      .map((element) => `${element.localName}.${element.getAttribute('class') ?? ''}`)
      .slice(0, 12);
  });
  assert.deepEqual(tooWide, [], 'the page is wider than the window');
}

async function signInWrongly(page) {
  await page.getByLabel('Email address').fill('nobody@demo.example');
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByText('The address or the password is wrong.').waitFor();
}

async function askToRevoke(page) {
  await page.locator('summary', { hasText: 'Revoke device' }).click();
  await page.getByRole('button', { name: 'Revoke for good' }).waitFor();
}

async function showTheLine(page) {
  await page.getByRole('main').getByLabel('Business').selectOption({ index: 1 });
  await page.getByRole('button', { name: 'Show the line to run' }).click();
  await heading(page, 'New device').waitFor();
  await page.getByText('Waiting for the machine').waitFor();
}

async function openMenu(page) {
  await page.getByRole('banner').locator('summary').click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

async function openKeys(page) {
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
}
