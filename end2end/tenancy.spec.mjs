//! Who sees what: a customer, a technician and an auditor on a server that has more than is theirs.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { startAgent } from './support/agent.mjs';
import { openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, heading, isLive, open, outcome, panel, question, row } from './support/pages.mjs';
import { startServer } from './support/server.mjs';

describe('tenancy', () => {
  let browser;
  let server;
  const sessions = {};
  const agents = [];
  /** Ids of what belongs to the business that the customer has nothing to do with. */
  let foreign;
  /** Ids of what is the customer's own. */
  let own;

  before(async () => {
    server = await startServer({ demo: true });
    browser = await openBrowser();
    for (const [name, person] of Object.entries(server.people)) sessions[name] = await firstSession(browser, server, person);
    await as('admin', async (page) => {
      await open(page, '/');
      const { items: businesses } = (await api(page, 'GET', '/businesses')).body;
      const of = async (name) => {
        const business = businesses.find((business) => business.business_name === name);
        const { items: locations } = (await api(page, 'GET', `/businesses/${business.id}/service-locations`)).body;
        const user = await api(page, 'POST', '/users', {
          email: `${business.id}@people.example`,
          full_name: `Somebody of ${name}`,
          role: 'contact',
          business_id: business.id,
          granted: [],
        });
        const places = [locations[0].id, locations[1].id, null];
        const devices = [];
        for (const [index, service_location_id] of places.entries()) {
          const input = { business_id: business.id, service_location_id, device_name: `${name.split(' ')[0]}-${index}` };
          const issued = await api(page, 'POST', '/agents/registration-tokens', input);
          assert.equal(issued.status, 201);
          agents.push(await startAgent(server, issued.body.token));
        }
        const waiting = await api(page, 'POST', '/agents/registration-tokens', { business_id: business.id, device_name: 'waiting' });
        const listed = await api(page, 'GET', `/agents?business_id=${business.id}`);
        devices.push(...listed.body.items.map((device) => device.id));
        assert.equal(devices.length, 3);
        const script = await api(page, 'POST', '/scripts', {
          business_id: business.id,
          script_name: `Of ${name}`,
          description: '',
          version: { shell: 'sh', script: 'true\n', parameters: [] },
        });
        assert.equal(script.status, 201, JSON.stringify(script.body));
        const asked = await api(page, 'POST', `/agents/${devices[0]}/commands`, { payload: { kind: 'reboot', delay_seconds: 3600 }, reason: `For ${name}` });
        assert.equal(asked.status, 201, JSON.stringify(asked.body));
        return {
          business: business.id,
          location: locations[0].id,
          user: user.body.user.id,
          device: devices[0],
          token: waiting.body.id,
          script: script.body.id,
          version: script.body.latest.id,
          command: asked.body.command.id,
          request: asked.body.request.id,
        };
      };
      own = await of('Harbour Dental Group');
      foreign = await of('Lindqvist & Partners');
    });
  });
  after(async () => {
    for (const agent of agents) await agent.stop();
    await browser?.close();
    await server?.stop();
  });
  const as = (name, run, options = {}) => withPage(browser, { url: server.url, session: sessions[name], ...options }, run);

  it('shows a customer their business alone, under its locations', () =>
    as('owner', async (page) => {
      await open(page, '/devices');
      const devices = page.getByRole('region', { name: 'Devices' });
      await devices.getByRole('link', { name: 'Harbour-0' }).waitFor();
      const groups = await devices.getByRole('rowheader').allInnerTexts();
      assert.deepEqual(groups.map((text) => text.replace(/\s+/g, ' ').trim()), [
        'Harbour Street practice 1',
        'Old Town practice 1',
        'Without a service location 1',
      ]);
      assert.ok(!(await page.content()).includes('Lindqvist'));
      assert.equal(await page.getByRole('banner').getByLabel('Business').count(), 0, 'there is nothing to switch to');
      const places = await page.getByRole('navigation', { name: 'Places' }).getByRole('listitem').allInnerTexts();
      assert.deepEqual(places.map((text) => text.trim()), ['Overview', 'Devices', 'Alerts', 'Commands', 'Locations', 'Logs', 'Errors', 'Emergency stop', 'Users', 'Audit', 'Settings', 'Account']);
      for (const path of ['/', '/businesses', `/businesses/${own.business}`, '/users', '/commands', '/scripts', '/approval-policies', '/emergency-stop']) {
        await open(page, path);
        await page.getByRole('heading', { level: 1 }).waitFor();
        assert.ok(!/Lindqvist|Northwind/.test(await page.content()), path);
      }
      await open(page, '/');
      await panel(page, 'Locations').getByRole('row', { name: /Harbour Street practice/ }).waitFor();
    }));

  it('gives a customer nothing for the address of something foreign', () =>
    as('owner', async (page) => {
      page.watch.allow(/404|403/);
      const addresses = (ids) => [
        `/devices/${ids.device}`,
        ...['metrics', 'services', 'software', 'facts', 'commands', 'record', 'activity'].map((tab) => `/devices/${ids.device}/${tab}`),
        `/commands/${ids.command}`,
        `/commands/requests/${ids.request}`,
        `/scripts/${ids.script}`,
        `/approval-policies/${ids.business}`,
        `/businesses/${ids.business}`,
        `/service-locations/${ids.location}`,
        `/users/${ids.user}`,
        `/devices/add/${ids.token}`,
      ];
      const nobodys = Object.fromEntries(Object.keys(foreign).map((key) => [key, randomUUID()]));
      const unknown = addresses(nobodys);
      for (const [index, path] of addresses(foreign).entries()) {
        const answers = [];
        for (const address of [path, unknown[index]]) {
          const response = await open(page, address);
          const text = (await page.getByRole('main').innerText()).trim();
          answers.push({ status: response.status(), text });
        }
        assert.deepEqual(answers[0], answers[1], `${path} answers as if it did not exist`);
        assert.ok([403, 404].includes(answers[0].status), `${path} answers ${answers[0].status}`);
        if (!path.includes('/add/')) {
          assert.equal(answers[0].status, 404, path);
          assert.match(answers[0].text, /Nothing here/, path);
        }
      }
      for (const path of addresses(own).slice(0, -1)) {
        const response = await open(page, path);
        assert.equal(response.status(), 200, path);
      }
    }));

  it('gives a customer nothing foreign from the API', () =>
    as('owner', async (page) => {
      page.watch.allow(/status of 40|status 40/);
      await open(page, '/');
      const asked = (ids) => [
        ['GET', `/agents/${ids.device}`],
        ['GET', `/agents/${ids.device}/services`],
        ['GET', `/agents/${ids.device}/software`],
        ['GET', `/agents/${ids.device}/activity`],
        ['GET', `/agents/${ids.device}/history?metric=cpu_percent`],
        ['PATCH', `/agents/${ids.device}`, { device_name: 'mine now' }],
        ['DELETE', `/agents/${ids.device}`],
        ['GET', `/agents/${ids.device}/command-history`],
        ['GET', `/agents/${ids.device}/record`],
        ['GET', `/agents/${ids.device}/record/entries`],
        ['POST', `/agents/${ids.device}/commands`, { payload: { kind: 'collect_inventory' } }],
        ['POST', '/commands/preview', { targets: [ids.device], command: { payload: { kind: 'collect_inventory' } } }],
        ['POST', '/commands', { targets: [ids.device], command: { payload: { kind: 'collect_inventory' } } }],
        ['GET', `/commands/${ids.command}`],
        ['GET', `/commands/${ids.command}/evidence`],
        ['POST', `/commands/${ids.command}/cancel`],
        ['GET', `/command-requests/${ids.request}`],
        ['GET', `/approvals/${ids.request}`],
        ['GET', `/scripts/${ids.script}`],
        ['GET', `/commands?device_id=${ids.device}`],
        ['GET', `/commands?request_id=${ids.request}`],
        ['GET', `/businesses/${ids.business}`],
        ['PATCH', `/businesses/${ids.business}`, { business_name: 'mine now' }],
        ['GET', `/businesses/${ids.business}/service-locations`],
        ['POST', `/businesses/${ids.business}/service-locations`, { location_name: 'mine now' }],
        ['GET', `/service-locations/${ids.location}`],
        ['PATCH', `/service-locations/${ids.location}`, { location_name: 'mine now' }],
        ['GET', `/users/${ids.user}`],
        ['PATCH', `/users/${ids.user}`, { is_active: false }],
        ['POST', `/users/${ids.user}/link`],
        ['POST', `/agents/${ids.device}/transfer`, { business_id: own.business }],
        ['POST', `/businesses/${ids.business}/active`, { is_active: false }],
        ['DELETE', `/agents/registration-tokens/${ids.token}`],
        ['GET', `/agents?business_id=${ids.business}`],
        ['GET', `/agents?service_location_id=${ids.location}`],
      ];
      const unknown = asked(Object.fromEntries(Object.keys(foreign).map((key) => [key, randomUUID()])));
      for (const [index, [method, path, body]] of asked(foreign).entries()) {
        const answer = await api(page, method, path, body);
        assert.deepEqual(answer, await api(page, ...unknown[index]), `${method} ${path} answers as if it did not exist`);
        const isEmpty = answer.status === 200 && answer.body.items?.length === 0;
        assert.ok(isEmpty || [403, 404].includes(answer.status), `${method} ${path} answers ${answer.status}`);
      }
      for (const list of ['/agents', '/businesses', '/service-locations', '/users', '/commands', '/command-requests', '/scripts']) {
        const { status, body } = await api(page, 'GET', list);
        assert.equal(status, 200, list);
        assert.ok(body.items.length > 0, list);
        const text = JSON.stringify(body);
        for (const id of Object.values(foreign)) assert.ok(!text.includes(id), `${list} holds ${id}`);
      }
    }));

  it('pushes a customer nothing foreign', () =>
    as('owner', async (page) => {
      await open(page, '/devices');
      await isLive(page);
      await page.evaluate(
        () =>
          new Promise((resolve) => {
            window.heard = [];
            const source = new EventSource('/portal/events');
            source.onmessage = ({ data }) => window.heard.push(data) && resolve();
          }),
      );
      await as('admin', async (admin) => {
        await open(admin, '/');
        for (const ids of [foreign, own]) {
          const changed = await api(admin, 'PATCH', `/agents/${ids.device}`, { device_name: 'renamed', service_location_id: ids.location });
          assert.equal(changed.status, 200);
        }
      });
      await page.waitForFunction((id) => window.heard.some((data) => data.includes(id)), own.device);
      const heard = (await page.evaluate(() => window.heard)).join('\n');
      for (const id of [foreign.device, foreign.business]) assert.ok(!heard.includes(id), heard);
      await row(page, 'Devices', 'renamed').waitFor();
    }));

  it('gives a device to another business with its history', () =>
    as('admin', async (page) => {
      const device = foreign.device;
      await open(page, `/devices/${device}`);
      const change = panel(page, 'Change this device');
      const name = await change.getByLabel('Name', { exact: true }).inputValue();
      const ask = await question(page, 'Move to another business', `Move ${name} to another business?`);
      await ask.getByLabel('Business', { exact: true }).selectOption({ label: 'Harbour Dental Group' });
      await ask.getByLabel('Service location there').selectOption({ label: 'Old Town practice' });
      await ask.getByLabel(/to confirm/).fill(name);
      await ask.getByRole('button', { name: 'Move', exact: true }).click();
      await outcome(page, 'Device moved to Harbour Dental Group.').waitFor();
      await as('owner', async (owner) => {
        assert.equal((await open(owner, `/devices/${device}/activity`)).status(), 200);
        await owner.getByText('Moved here from another business, to Old Town practice').waitFor();
        assert.ok(!/Lindqvist & Partners/.test(await owner.getByRole('main').innerText()), 'whose it was is not told');
      });
      // The agent comes back by itself, as the same device.
      await page.waitForFunction(
        async (id) => {
          const answer = await (await fetch(`/api/v1/agents/${id}`)).json();
          return answer.presence === 'online' && answer.business_name === 'Harbour Dental Group' && answer.link === 'socket';
        },
        device,
        { timeout: 30_000, polling: 500 },
      );
      const back = await api(page, 'POST', `/agents/${device}/transfer`, { business_id: foreign.business });
      assert.equal(back.status, 200);
    }));

  it('keeps people from a contact', () =>
    as('contact', async (page) => {
      page.watch.allow(/40[34]/);
      await open(page, '/');
      const places = await page.getByRole('navigation', { name: 'Places' }).getByRole('listitem').allInnerTexts();
      assert.ok(!places.some((text) => /Users/.test(text)), places.join());
      await open(page, '/users');
      await page.getByText('Your role does not see who works here.').waitFor();
      assert.ok(!/@demo\.example/.test((await page.getByRole('main').innerText())));
      for (const path of ['/users', `/users/${own.user}`]) {
        assert.ok([403, 404].includes((await api(page, 'GET', path)).status), path);
      }
      await open(page, `/users/${own.user}`);
      assert.ok(!(await page.content()).includes('Somebody of'));
      await open(page, `/businesses/${own.business}`);
      await heading(page, 'Harbour Dental Group').waitFor();
      assert.equal(await panel(page, 'People').count(), 0);
      await noButtons(page, [`/devices/${own.device}`, '/devices', '/', `/service-locations/${own.location}`]);
    }));

  it('shows a technician the businesses that were granted', () =>
    as('technician', async (page) => {
      page.watch.allow(/40[34]/);
      await open(page, '/businesses');
      const table = page.getByRole('region', { name: 'Businesses' });
      const names = await table.locator('a.row-link').allInnerTexts();
      assert.deepEqual(names, ['Harbour Dental Group', 'Northwind Joinery']);
      const choices = await page.getByRole('banner').getByLabel('Business').locator('option').allTextContents();
      assert.deepEqual(choices, ['All businesses', 'Harbour Dental Group', 'Northwind Joinery']);
      await open(page, '/devices');
      await row(page, 'Devices', 'Harbour-1').waitFor();
      assert.equal(await row(page, 'Devices', 'Lindqvist').count(), 0);
      assert.equal(await page.getByRole('link', { name: 'Add device' }).count(), 0);
      await open(page, '/devices/add');
      await page.getByText('Your role does not add devices.').waitFor();
      for (const path of [`/devices/${foreign.device}`, `/businesses/${foreign.business}`]) {
        assert.equal((await open(page, path)).status(), 404, path);
      }
      const issued = await api(page, 'POST', '/agents/registration-tokens', { business_id: own.business });
      assert.equal(issued.status, 403);
      // Work on a device is theirs, ending its access is not.
      await open(page, `/devices/${own.device}`);
      await panel(page, 'Change this device').getByRole('button', { name: 'Save' }).waitFor();
      assert.equal(await page.getByText('Revoke device').count(), 0);
    }));

  it('gives an auditor everything to read and nothing to press', () =>
    as('auditor', async (page) => {
      page.watch.allow(/403/);
      await noButtons(page, [
        '/',
        '/devices',
        ...['', '/metrics', '/services', '/software', '/facts', '/commands', '/record', '/activity'].map((tab) => `/devices/${foreign.device}${tab}`),
        '/commands',
        `/commands/${foreign.command}`,
        `/commands/requests/${foreign.request}`,
        '/scripts',
        `/scripts/${foreign.script}`,
        '/approval-policies',
        `/approval-policies/${foreign.business}`,
        '/businesses',
        `/businesses/${foreign.business}`,
        `/service-locations/${foreign.location}`,
        '/users',
        `/users/${foreign.user}`,
      ]);
      for (const [method, path, body] of [
        ['POST', '/businesses', { business_name: 'mine' }],
        ['POST', '/agents/registration-tokens', { business_id: foreign.business }],
        ['DELETE', `/agents/${foreign.device}`],
        ['PATCH', `/agents/${foreign.device}`, { device_name: 'mine' }],
        ['PATCH', `/users/${foreign.user}`, { is_active: false }],
      ]) {
        assert.equal((await api(page, method, path, body)).status, 403, `${method} ${path}`);
      }
    }));

  it('lets another site change nothing in a person’s name', () =>
    as('admin', async (page) => {
      page.watch.allow(/403|ERR_FAILED|CORS/i);
      await open(page, '/');
      // The same machine by another name is another site.
      const elsewhere = server.url.replace('127.0.0.1', 'localhost');
      const answer = await page.context().request.post(`${server.url}/api/v1/businesses`, {
        headers: { origin: elsewhere, 'sec-fetch-site': 'cross-site' },
        data: { business_name: 'forged' },
      });
      assert.equal(answer.status(), 403);
      const { body } = await api(page, 'GET', '/businesses');
      assert.ok(!JSON.stringify(body).includes('forged'));
    }));
});

/** On none of the pages there is anything that changes something. */
async function noButtons(page, paths) {
  for (const path of paths) {
    await open(page, path);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    const main = page.getByRole('main');
    const forms = await main.locator('form[method="post"]').evaluateAll((all) => all.map((form) => form.action));
    assert.deepEqual(forms, [], `${path} has forms that change something`);
    const buttons = await main.locator('button:visible, a.button-primary:visible').allInnerTexts();
    // Copying changes nothing, and neither does looking for something.
    const pressing = buttons.map((text) => text.trim()).filter((text) => !/^(Copy|Apply)$/.test(text));
    assert.deepEqual(pressing, [], `${path} has buttons`);
  }
}
