//! Lock one between people: what waits is found from every page, a customer decides for their own machines alone, a yes can
//! be taken back, an emergency is let pass alone and looked at afterwards, and what came of it can be proved.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { startAgent } from './support/agent.mjs';
import { isAccessible } from './support/axe.mjs';
import { PHONE, openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, heading, isKept, isLive, keep, open, outcome, panel, problemOf, question, row } from './support/pages.mjs';
import { startServer } from './support/server.mjs';

const SOON = 30_000;

describe('approvals', () => {
  let browser;
  let server;
  const sessions = {};
  const agents = [];
  /** A device of the customer, and one of a business that they have nothing to do with. */
  let own;
  let foreign;
  /** A request about the latter. */
  let secret;
  before(async () => {
    server = await startServer({ demo: true });
    browser = await openBrowser();
    for (const name of ['admin', 'technician', 'owner']) sessions[name] = await firstSession(browser, server, server.people[name]);
    await as('admin', async (page) => {
      await open(page, '/');
      const { items: businesses } = (await api(page, 'GET', '/businesses')).body;
      const device = async (business_name) => {
        const business = businesses.find((business) => business.business_name === business_name);
        const input = { business_id: business.id, device_name: `${business_name.split(' ')[0]}-1` };
        const issued = await api(page, 'POST', '/agents/registration-tokens', input);
        assert.equal(issued.status, 201);
        agents.push(await startAgent(server, issued.body.token));
        const listed = await api(page, 'GET', `/agents?business_id=${business.id}`);
        return { id: listed.body.items[0].id, name: input.device_name, business: business.id };
      };
      own = await device('Harbour Dental Group');
      foreign = await device('Lindqvist & Partners');
      // A customer decides when they were given the permission.
      const { items: people } = (await api(page, 'GET', `/users?business_id=${own.business}`)).body;
      const owner = people.find((person) => person.role === 'business_owner');
      const input = { email: owner.email, full_name: owner.full_name, role: owner.role, business_id: own.business, extra_permissions: ['approve'] };
      const changed = await api(page, 'PUT', `/users/${owner.id}`, input);
      assert.equal(changed.status, 200, JSON.stringify(changed.body));
      secret = await asked(page, foreign, { reason: 'Nothing that anybody else may read.' });
    });
  });
  after(async () => {
    for (const agent of agents) await agent.stop();
    await browser?.close();
    await server?.stop();
  });
  const as = (name, run, options = {}) => withPage(browser, { url: server.url, session: sessions[name], ...options }, run);
  const card = (page, text) => page.locator('article.decision').filter({ hasText: text });

  it('is found from the overview and the rail, as soon as somebody asks', () =>
    as('owner', async (page) => {
      await open(page, '/');
      await isLive(page);
      await keep(page);
      assert.equal(await page.getByText('Waits for your decision').count(), 0);
      await as('technician', async (asking) => {
        await open(asking, '/');
        await asked(asking, own, { reason: 'It answers nothing since ten.' });
      });
      await page.getByRole('link', { name: /Approvals 1 for you/ }).waitFor();
      const waiting = row(page, 'Requests that wait for you', 'Restart the machine');
      await waiting.getByText(own.name).waitFor();
      await isKept(page);
      await isAccessible(page);
      await waiting.getByRole('link').first().click();
      await page.waitForURL('**/commands/requests/**');
      await panel(page, 'Decision').getByText('It answers nothing since ten.').waitFor();
    }));

  it('shows a customer their own requests alone, and lets them decide no other', () =>
    as(
      'owner',
      async (page) => {
        page.watch.allow(/40[34]/);
        await open(page, '/approvals');
        await card(page, 'Restart the machine').getByText('Tom Okafor').waitFor();
        assert.equal(await page.locator('article.decision').count(), 1);
        for (const show of ['', '?show=all', '?show=approved', '?show=review']) {
          await open(page, `/approvals${show}`);
          assert.ok(!/Lindqvist|anybody else may read/.test(await page.content()), show);
        }
        for (const path of [`/commands/requests/${secret}`, `/approval-policies/${foreign.business}`, `/commands/new?devices=${foreign.id}`]) {
          await open(page, path);
          assert.ok(!/Lindqvist|anybody else may read/.test(await page.getByRole('main').innerText()), path);
        }
        assert.equal((await open(page, `/commands/requests/${secret}`)).status(), 404);
        const digest = '0'.repeat(64);
        for (const [method, path, body] of [
          ['GET', `/approvals/${secret}`],
          ['POST', `/approvals/${secret}/approve`, { request_sha256: digest }],
          ['POST', `/approvals/${secret}/reject`, { request_sha256: digest }],
          ['POST', `/agents/${foreign.id}/commands`, { payload: { kind: 'reboot', delay_seconds: 300 } }],
        ]) {
          assert.equal((await api(page, method, path, body)).status, 404, `${method} ${path}`);
        }
        await open(page, '/approvals');
        await isAccessible(page);
        const fits = await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
        assert.ok(fits, 'the page is wider than the phone');
        await card(page, 'Restart the machine').getByLabel('A word about it').fill('Not while patients are here.');
        await card(page, 'Restart the machine').getByRole('button', { name: 'Reject' }).click();
        await outcome(page, 'Rejected.').waitFor();
        await page.getByText('Nothing waits for you').waitFor();
      },
      { viewport: PHONE },
    ));

  it('takes a yes back until the device has it', async () => {
    let path;
    await as('technician', async (page) => {
      await open(page, '/');
      path = `/commands/requests/${await asked(page, own, { reason: 'Once more.' })}`;
    });
    // Whoever is away keeps what was approved waiting.
    await agents[0].pause();
    await as('owner', async (page) => {
      await open(page, path);
      await page.getByRole('button', { name: 'Approve' }).click();
      await outcome(page, 'Approved.').waitFor();
      await row(page, 'Commands', 'Restart the machine').getByText('Pending', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Take my approval back' }).click();
      await outcome(page, 'Your approval is taken back.').waitFor();
      await row(page, 'Commands', 'Restart the machine').getByText('Awaiting approval', { exact: true }).waitFor();
      await panel(page, 'Decision').getByText('Taken back').waitFor();
    });
    await as('technician', async (page) => {
      await open(page, path);
      const ask = await question(page, 'Cancel', 'Take this request back?');
      await ask.getByRole('button', { name: 'Take it back' }).click();
      await row(page, 'Commands', 'Restart the machine').getByText('Cancelled', { exact: true }).waitFor();
    });
  });

  it('asks anew when who asked changes what was approved', async () => {
    let path;
    await as('technician', async (page) => {
      await open(page, '/');
      const payload = { kind: 'stop_process', process_name: 'reeve-e2e-first' };
      path = `/commands/requests/${await asked(page, own, { reason: 'It eats everything.', payload })}`;
    });
    await as('owner', async (page) => {
      await open(page, path);
      assert.equal(await page.getByRole('link', { name: 'Change', exact: true }).count(), 0, 'only who asked changes it');
      await page.getByRole('button', { name: 'Approve' }).click();
      await outcome(page, 'Approved.').waitFor();
      await row(page, 'Commands', 'reeve-e2e-first').getByText('Pending', { exact: true }).waitFor();
      await isLive(page);
      await as('technician', async (asking) => {
        await open(asking, path);
        await asking.getByRole('link', { name: 'Change', exact: true }).click();
        await heading(asking, 'Change what was asked').waitFor();
        assert.equal(await asking.getByLabel('Process').inputValue(), 'reeve-e2e-first');
        assert.equal(await asking.getByLabel('Why').inputValue(), 'It eats everything.');
        await isAccessible(asking);
        await asking.getByLabel('Process').fill('reeve-e2e-second');
        await asking.getByRole('button', { name: 'Change the request' }).click();
        await outcome(asking, 'Request changed.').waitFor();
        await row(asking, 'Commands', 'reeve-e2e-second').getByText('Awaiting approval', { exact: true }).waitFor();
      });
      // Who said yes sees without doing anything that it is another request, and has to say it again.
      await row(page, 'Commands', 'reeve-e2e-second').getByText('Awaiting approval', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Approve' }).click();
      await row(page, 'Commands', 'reeve-e2e-second').getByText('Pending', { exact: true }).waitFor();
    });
    await agents[0].resume();
  });

  it('lets an emergency pass alone with a reason, and has it looked at by somebody else', async () => {
    let path;
    await as('admin', async (page) => {
      await open(page, `/approval-policies/${own.business}`);
      const change = panel(page, 'Decide for this business');
      await change.getByRole('group', { name: 'Restart a process' }).getByLabel('How many').selectOption('2');
      await change.getByRole('button', { name: 'Save' }).click();
      await outcome(page, 'Approval policy changed.').waitFor();
    });
    await as('technician', async (page) => {
      await open(page, '/');
      const payload = { kind: 'restart_process', process_name: 'reeve-e2e-nothing' };
      path = `/commands/requests/${await asked(page, own, { reason: 'The door does not open.', payload })}`;
    });
    await as('owner', async (page) => {
      page.watch.allow(/422/);
      await open(page, path);
      await panel(page, 'Decision').getByText('Needs 2 approvals of other people.').waitFor();
      const ask = await question(page, 'Emergency: let it pass alone', 'Let this pass without the others?');
      await ask.getByRole('button', { name: 'Let it pass' }).click();
      assert.ok((await problemOf(ask.getByLabel('Why it cannot wait'))).length > 10);
      await ask.getByLabel('Why it cannot wait').fill('Nobody gets in.');
      await ask.getByRole('button', { name: 'Let it pass' }).click();
      await outcome(page, 'Let pass in an emergency.').waitFor();
      // The device's own lock holds all the same.
      await row(page, 'Commands', 'Restart the process').getByText('Refused by the device', { exact: true }).waitFor({ timeout: SOON });
      assert.equal(await page.getByRole('button', { name: 'I have looked at it' }).count(), 0, 'who let it pass looks at it');
    });
    await as('admin', async (page) => {
      await open(page, '/approvals?show=review');
      const found = card(page, 'Restart the process');
      await found.getByText('Nobody gets in.').first().waitFor();
      await found.getByText('not looked at yet').waitFor();
      await isAccessible(page);
      await found.getByLabel('What you think of it').fill('It was right.');
      await found.getByRole('button', { name: 'I have looked at it' }).click();
      await outcome(page, 'Looked at.').waitFor();
      await page.getByText('Nothing to look at').waitFor();
    });
  });

  it('hands out the proof of what came of it, and the device’s own record', () =>
    as('admin', async (page) => {
      await open(page, `/commands?device_id=${own.id}&state=refused`);
      await row(page, 'Commands', 'Restart the process').getByRole('link').first().click();
      await panel(page, 'Proof').waitFor();
      const download = page.waitForEvent('download');
      await panel(page, 'Proof').getByRole('link', { name: 'Evidence bundle' }).click();
      const file = JSON.parse(readFileSync(await (await download).path(), 'utf8'));
      assert.equal(file.bundle.format, 'reeve.evidence.v1');
      assert.equal(file.bundle.decision.break_glass_reason, 'Nobody gets in.');
      await open(page, `/devices/${own.id}/record`);
      await panel(page, 'What the device itself has written down').getByText('Fits together').waitFor();
      const entries = row(page, 'Entries of the record', 'Refused');
      await entries.first().waitFor({ timeout: SOON });
      await isAccessible(page);
      await entries.first().getByRole('link').first().click();
      await page.getByText('locked_local').first().waitFor();
    }));

  it('takes one command of a device back, after asking once more', () =>
    as('technician', async (page) => {
      await agents[0].pause();
      await open(page, `/commands/new?devices=${own.id}&kind=notify_ops`);
      await page.getByLabel('Message').fill('Never mind.');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.waitForURL('**/commands/requests/**');
      await row(page, 'Commands', 'Never mind').getByRole('link').first().click();
      const ask = await question(page, 'Cancel', 'Take this command back?');
      await ask.getByRole('button', { name: 'Take it back' }).click();
      await outcome(page, 'Command cancelled.').waitFor();
      await page.getByText('It was taken back; nothing was done.').waitFor();
      await agents[0].resume();
    }));
});

/** Asks for something strong over the API; answers the request's id. */
async function asked(page, device, { reason, payload = { kind: 'reboot', delay_seconds: 3600 } }) {
  const made = await api(page, 'POST', `/agents/${device.id}/commands`, { payload, reason });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body.request.id;
}
