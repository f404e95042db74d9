//! Errors of agents: a real agent reports one, it is shown at once, opened, narrowed and decided about.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startAgent } from './support/agent.mjs';
import { isAccessible } from './support/axe.mjs';
import { PHONE, WIDE, openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, heading, isKept, isLive, keep, open, outcome, panel, row } from './support/pages.mjs';
import { OUT } from './support/paths.mjs';
import { startServer } from './support/server.mjs';

const MESSAGE = 'error_reports.jsonl had lines that could not be read';
const ANOTHER = 'the package of 9.9.9 is not what its checksum says <b>at all</b>';

/** What an agent of an update that went wrong has kept for its server. */
const waiting = () =>
  JSON.stringify({
    report_id: crypto.randomUUID(),
    agent_id: '00000000-0000-0000-0000-000000000000',
    error_type: 'update_checksum_mismatch',
    error_message: ANOTHER,
    details: { expected: 'a'.repeat(64), found: 'b'.repeat(64), size_bytes: 2_412_544 },
    timestamp: new Date().toISOString(),
    count: 4,
    agent_version: '0.1.0',
    failed_version: '9.9.9',
    log_snippet: '{"level":"INFO","message":"download finished"}\n{"level":"ERROR","message":"checksum mismatch"}',
  });

describe('the errors of agents', () => {
  let browser;
  let server;
  let agent;
  let session;
  let device;
  before(async () => {
    server = await startServer({ demo: true });
    browser = await openBrowser();
    session = await firstSession(browser, server, server.people.admin);
    agent = await startAgent(server, server.token);
    mkdirSync(OUT, { recursive: true });
  });
  after(async () => {
    await agent?.stop();
    await browser?.close();
    await server?.stop();
  });
  const on = (run, options = {}) => withPage(browser, { url: server.url, session, ...options }, run);

  it('appear by themselves when an agent reports them', () =>
    on(async (page) => {
      await open(page, '/errors');
      await page.getByText('No agent has reported that something went wrong inside it').waitFor();
      await page.screenshot({ path: join(OUT, 'errors-none-wide.png'), fullPage: true });
      await isLive(page);
      await keep(page);
      await agent.pause();
      writeFileSync(join(agent.data, 'error_reports.jsonl'), `${waiting()}\n{"half of a li\n`);
      await agent.resume();
      await row(page, 'Errors', MESSAGE).waitFor();
      await row(page, 'Errors', ANOTHER).getByText('New').waitFor();
      await isKept(page);
      device = (await api(page, 'GET', '/agents')).body.items[0].id;
    }));

  for (const js of [true, false]) {
    const how = js ? 'with' : 'without';
    it(`are narrowed and opened ${how} JavaScript`, () =>
      on(
        async (page) => {
          await open(page, '/errors', { js });
          await page.getByRole('combobox', { name: 'Kind' }).selectOption('update_checksum_mismatch');
          if (!js) await page.getByRole('button', { name: 'Apply' }).click();
          await page.waitForURL(/error_type=update_checksum_mismatch/);
          const mine = row(page, 'Errors', ANOTHER);
          await mine.waitFor();
          await row(page, 'Errors', MESSAGE).waitFor({ state: 'detached' });
          assert.equal(await page.getByRole('region', { name: 'Errors', exact: true }).locator('tbody tr').count(), 1);
          await mine.getByRole('link').click();
          await heading(page, 'Update has a wrong checksum').waitFor();
          const report = panel(page, `On ${hostname()}`);
          await report.getByText('b'.repeat(64)).waitFor();
          await report.getByText('checksum mismatch').waitFor();
          await row(page, 'Devices that report it', hostname()).waitFor();
        },
        { js },
      ));
  }

  it('are marked as seen and as resolved, and the log says by whom', () =>
    on(async (page) => {
      await open(page, '/errors');
      await row(page, 'Errors', ANOTHER).getByRole('link').click();
      await page.getByRole('button', { name: 'Mark as seen' }).click();
      await outcome(page, 'Marked as seen.').waitFor();
      await page.getByRole('button', { name: 'Mark as resolved' }).click();
      await outcome(page, 'Marked as resolved.').waitFor();
      await page.getByText('It is marked as resolved').waitFor();
      await open(page, '/audit?action=error_report.decide');
      await row(page, 'Audit entries', 'as resolved on one device').waitFor();
    }));

  it('stand at their device, also for its owner, who decides nothing', async () => {
    const owner = await firstSession(browser, server, server.people.owner);
    await on(
      async (page) => {
        await open(page, `/devices/${device}/errors`);
        await row(page, 'Errors of this device', MESSAGE).getByRole('link').click();
        await heading(page, 'Agent’s files are damaged'.replace('’', "'")).waitFor();
        assert.equal(await page.getByRole('button', { name: 'Mark as seen' }).count(), 0);
      },
      { session: owner },
    );
  });

  for (const [name, options] of Object.entries({
    wide: { viewport: WIDE },
    dark: { viewport: WIDE, theme: 'dark' },
    phone: { viewport: PHONE },
  })) {
    it(`look well: ${name}`, () =>
      on(async (page) => {
        await open(page, '/errors');
        const first = row(page, 'Errors', ANOTHER).getByRole('link');
        const detail = await first.getAttribute('href');
        for (const [what, path] of [
          ['errors', '/errors'],
          ['errors-none-matches', '/errors?search=nothing-like-this'],
          ['error', detail],
          ['device-errors', `/devices/${device}/errors`],
        ]) {
          await open(page, path);
          await page.watch.settled();
          await isAccessible(page);
          await page.screenshot({ path: join(OUT, `${what}-${name}.png`), fullPage: true });
        }
      }, options));
  }
});
