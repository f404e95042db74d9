//! Commands behind two locks with a real agent: asked for in the portal, decided by somebody else on a phone, opened at the
//! device, done, and read. With them the five scenarios of a device's life: online, an error that becomes an incident, a
//! rate limit, a restart with approval, offline.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, copyFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startAgent } from './support/agent.mjs';
import { isAccessible } from './support/axe.mjs';
import { PHONE, WIDE, openBrowser, withPage } from './support/browser.mjs';
import { firstSession, heading, isKept, isLive, keep, open, outcome, panel, problemOf, question, row } from './support/pages.mjs';
import { OUT, temporaryFolder } from './support/paths.mjs';
import { startServer } from './support/server.mjs';

/** A command goes to a device at once; a busy machine takes a moment. */
const SOON = 30_000;
/** Agents look at logs every fifteen seconds. */
const NEXT_LOOK = 45_000;
/** What a device of one's own runs under, unlike anything else on this machine. */
const WORKER = 'reeve-e2e-work';

describe('commands', () => {
  let browser;
  let server;
  let agent;
  let technician;
  let admin;
  let id;
  let worker;
  const { folder, remove } = temporaryFolder('commands');
  const log = join(folder, 'app.log');
  before(async () => {
    writeFileSync(log, '');
    copyFileSync('/bin/sleep', join(folder, WORKER));
    server = await startServer({ demo: true, testMode: true });
    browser = await openBrowser();
    technician = await firstSession(browser, server, server.people.technician);
    admin = await firstSession(browser, server, server.people.admin);
    agent = await startAgent(server, server.token);
  });
  after(async () => {
    worker?.kill();
    await agent?.stop();
    await browser?.close();
    await server?.stop();
    remove();
  });
  const as = (session, run, options = {}) => withPage(browser, { url: server.url, session, ...options }, run);
  const commands = (page, text) => row(page, 'Commands', text);
  const ask = (kind, more = '') => `/commands/new?devices=${id}&kind=${kind}${more}`;
  /** The first request of the inbox whose sentence this is. */
  const request = (page, text) => page.locator('article.decision').filter({ hasText: text });

  it('1: a device is online, with what it measures', () =>
    as(technician, async (page) => {
      await open(page, '/devices');
      const mine = row(page, 'Devices', hostname());
      await mine.getByText('Online', { exact: true }).waitFor({ timeout: NEXT_LOOK });
      id = (await mine.getByRole('link', { name: hostname() }).getAttribute('href')).split('/').at(-1);
      await page.getByText('TEST MODE').waitFor();
      await open(page, `/devices/${id}/commands`);
      await page.getByText('No commands').waitFor();
      await panel(page, 'Test controls').waitFor();
      await isAccessible(page);
    }));

  it('tells both locks before anything is asked', () =>
    as(technician, async (page) => {
      await open(page, `/devices/${id}/commands`);
      await page.getByRole('link', { name: 'New command' }).click();
      await heading(page, 'New command').waitFor();
      await page.getByRole('link', { name: 'Restart a process' }).click();
      await page.waitForURL('**kind=restart_process**');
      await page.getByText('Whoever uses', { exact: false }).or(page.getByText('What the process had not saved')).waitFor();
      await page.getByLabel('Process').fill(WORKER);
      await page.getByText('Needs 1 approval of somebody else.').waitFor();
      await page.getByText('This will be refused by the device until someone arms it there.').waitFor();
      await page.getByText(`sudo reeve-agent lock arm --for 2h --allow restart_process:${WORKER}`, { exact: true }).waitFor();
      await page.getByText('locked: would refuse').waitFor();
      await pictures(page, 'command-compose');
    }));

  it('names the field that is not acceptable, and keeps the others', () =>
    as(technician, async (page) => {
      await open(page, ask('set_rate_limit'));
      page.watch.allow(/422/);
      await page.getByLabel('Endpoint').fill('api');
      await page.getByLabel('Requests a second').fill('50');
      await page.getByRole('button', { name: 'Send' }).click();
      assert.match(await problemOf(page.getByLabel('Endpoint')), /begin with \//);
      assert.equal(await page.getByLabel('Requests a second').inputValue(), '50');
    }));

  it('sends what is safe at once, and shows what came of it', () =>
    as(technician, async (page) => {
      await open(page, ask('notify_ops', '&reason=A+first+word'));
      await page.getByLabel('Message').fill('The <b>window</b> is at ten.');
      await page.getByText('Nobody has to approve it.').waitFor();
      await page.getByRole('button', { name: 'Send' }).click();
      await page.waitForURL('**/commands/requests/**');
      await isLive(page);
      await commands(page, 'Note').getByText('Completed', { exact: true }).waitFor({ timeout: SOON });
      await commands(page, 'Note').getByRole('link').first().click();
      await page.waitForURL(/\/commands\/[0-9a-f-]{36}$/);
      await page.getByText('It is done.').waitFor();
      await panel(page, 'Proof').getByText('Signed, SHA-256').waitFor();
      await isAccessible(page);
    }));

  it('2: an error in a log becomes an incident', () =>
    as(admin, async (page) => {
      await open(page, `/devices/${id}/logs`);
      const sources = panel(page, 'What is followed');
      await sources.locator('summary').click();
      await sources.getByLabel('Files').fill(log);
      await sources.getByRole('button', { name: 'Save' }).click();
      await outcome(page, 'Log sources changed.').waitFor();
      await new Promise((done) => setTimeout(done, 2_000));
      appendFileSync(log, Array.from({ length: 12 }, (_, n) => `ERROR request ${n} failed\n`).join(''));
      await open(page, '/alerts');
      // A busy machine has an alert about that as well.
      const burst = row(page, 'Alerts', hostname()).filter({ hasText: 'Burst of errors' });
      await burst.getByText('Firing', { exact: true }).waitFor({ timeout: NEXT_LOOK });
    }));

  it('3: a rate limit is set without an approval', () =>
    as(technician, async (page) => {
      await open(page, ask('set_rate_limit', '&endpoint=/api&limit_rps=50'));
      await page.getByText('Limit /api to 50 requests a second').waitFor();
      await page.getByRole('button', { name: 'Send' }).click();
      await page.waitForURL('**/commands/requests/**');
      await commands(page, 'Limit /api').getByText(/Completed|Refused by the device/).waitFor({ timeout: SOON });
    }));

  it('4: a restart waits for somebody else, and for the device', async () => {
    worker = spawn(join(folder, WORKER), ['3600'], { stdio: 'ignore' });
    await as(technician, async (page) => {
      await open(page, ask('restart_process', `&process_name=${WORKER}`));
      await page.getByLabel('Why').fill('It answers nothing since ten.');
      await page.getByRole('button', { name: 'Ask for approval' }).click();
      await outcome(page, 'Asked for approval.').waitFor();
      await commands(page, WORKER).getByText('Awaiting approval', { exact: true }).waitFor();
    });
    await as(
      admin,
      async (page) => {
        await open(page, '/approvals');
        await page.getByRole('link', { name: /Approvals 1 for you/ }).waitFor();
        const asked = request(page, `Restart the process ${WORKER}`);
        await asked.getByText('Tom Okafor').waitFor();
        await asked.getByText('It answers nothing since ten.').waitFor();
        await asked.getByRole('link', { name: hostname() }).first().waitFor();
        await pictures(page, 'approvals', PHONE);
        await asked.getByRole('button', { name: 'Approve' }).click();
        await outcome(page, 'Approved.').waitFor();
        await page.getByText('Nothing waits for you').waitFor();
      },
      { viewport: PHONE },
    );
    await as(technician, async (page) => {
      await open(page, '/commands');
      await commands(page, WORKER).getByText('Refused by the device', { exact: true }).waitFor({ timeout: SOON });
      await commands(page, WORKER).getByText('the device is locked').waitFor();
      await commands(page, WORKER).getByRole('link').first().click();
      await page.getByText('locked_local').waitFor();
      await pictures(page, 'command-refused');
      await agent.lock('arm', '--for', '2h', '--allow', `restart_process:${WORKER}`);
      await open(page, ask('restart_process', `&process_name=${WORKER}`));
      await page.getByText('Armed for this: the device would do it.').waitFor({ timeout: SOON });
      await page.getByRole('button', { name: 'Ask for approval' }).click();
      await page.waitForURL('**/commands/requests/**');
    });
    await as(admin, async (page) => {
      await open(page, '/approvals');
      await request(page, WORKER).getByRole('button', { name: 'Approve' }).click();
      await outcome(page, 'Approved.').waitFor();
    });
    await as(technician, async (page) => {
      await open(page, '/commands?state=completed&kind=restart_process');
      await isLive(page);
      await commands(page, WORKER).getByText('Completed', { exact: true }).waitFor({ timeout: SOON });
      await agent.lock('disarm');
    });
  });

  it('shows what a script writes as it writes it, and obeys nothing of it', async () => {
    const script = [
      'printf "\\033[31mred\\033[0m <script>alert(1)</script>\\n"',
      'printf "bad\\rgood\\n"',
      'for n in 1 2 3; do echo "line $n"; sleep 1; done',
    ].join('\n');
    let digest;
    await as(technician, async (page) => {
      await open(page, '/scripts');
      await page.getByLabel('For', { exact: true }).selectOption({ label: 'Harbour Dental Group' });
      await page.getByLabel('Name', { exact: true }).fill('Say something');
      await page.getByLabel('Read by', { exact: true }).last().selectOption('sh');
      await page.getByLabel('Text').fill(script);
      await page.getByRole('button', { name: 'Add script' }).click();
      await heading(page, 'Say something').waitFor();
      digest = (await page.locator('.facts .mono').first().textContent()).trim();
      assert.match(digest, /^[0-9a-f]{64}$/);
      await isAccessible(page);
      await agent.lock('arm', '--for', '2h', '--allow', `run_script:${digest}`);
      await open(page, ask('run_script'));
      await page.getByLabel('Script').selectOption({ label: 'Say something, version 1' });
      await page.getByText(digest).first().waitFor();
      await page.getByText('Armed for this: the device would do it.').waitFor({ timeout: SOON });
      await page.getByRole('button', { name: 'Ask for approval' }).click();
      await page.waitForURL('**/commands/requests/**');
    });
    await as(admin, async (page) => {
      await open(page, '/approvals');
      const asked = request(page, 'Run a sh script');
      await asked.getByText('<script>alert(1)</script>').waitFor();
      await isAccessible(page);
      await asked.getByRole('link', { name: /Run a sh script/ }).click();
      await page.waitForURL('**/commands/requests/**');
      await isLive(page);
      await page.getByRole('button', { name: 'Approve' }).click();
      await commands(page, 'Run a sh script').getByText('Executing', { exact: true }).waitFor({ timeout: SOON });
      await commands(page, 'Run a sh script').getByRole('link').first().click();
      const output = page.getByRole('region', { name: 'Output' });
      await output.getByText('line 3').waitFor({ timeout: SOON });
      await page.getByText('It is done.').waitFor({ timeout: SOON });
      const text = await output.textContent();
      assert.match(text, /red <script>alert\(1\)<\/script>\nbad\ngood\nline 1\nline 2\nline 3/);
      await page.getByRole('button', { name: 'Show them' }).click();
      await output.getByText('⟨ESC⟩[31mred').waitFor();
      await pictures(page, 'command-output');
      await agent.lock('disarm');
    });
  });

  it('is rejected by those who do not want it, and never approved by who asks', async () => {
    await as(admin, async (page) => {
      await open(page, ask('reboot'));
      await page.getByLabel('Why').fill('An update wants it.');
      await page.getByRole('button', { name: 'Ask for approval' }).click();
      await page.waitForURL('**/commands/requests/**');
      await page.getByText(/You asked for this/).waitFor();
      assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
      const cancel = await question(page, 'Cancel', 'Take this request back?');
      await cancel.getByRole('button', { name: 'Take it back' }).click();
      await commands(page, 'Restart the machine').getByText('Cancelled', { exact: true }).waitFor();
    });
    await as(technician, async (page) => {
      await open(page, ask('reboot'));
      await page.getByRole('button', { name: 'Ask for approval' }).click();
      await page.waitForURL('**/commands/requests/**');
    });
    await as(admin, async (page) => {
      await open(page, '/approvals');
      const asked = request(page, 'Restart the machine');
      await asked.getByLabel('A word about it').fill('Not during the day.');
      await asked.getByRole('button', { name: 'Reject' }).click();
      await outcome(page, 'Rejected.').waitFor();
      await open(page, '/approvals?show=rejected');
      await request(page, 'Restart the machine').getByText('Not during the day.').waitFor();
    });
  });

  it('stops everything strong at once, says so on every page, and goes on when enough agree', async () => {
    await as(technician, async (page) => {
      await open(page, '/emergency-stop');
      await page.getByLabel('Why').fill('Something is odd.');
      const businesses = page.getByLabel('For', { exact: true });
      await businesses.selectOption({ label: 'Harbour Dental Group' });
      await page.getByRole('button', { name: 'Stop strong commands' }).click();
      await outcome(page, 'Strong commands are stopped.').waitFor();
      await open(page, '/devices');
      await page.getByText('Strong commands are stopped for Harbour Dental Group').waitFor();
      await pictures(page, 'emergency-stop');
      await open(page, ask('reboot'));
      await page.getByText(/Strong commands are stopped at the moment/).waitFor();
    });
    await as(admin, async (page) => {
      await open(page, '/emergency-stop');
      await panel(page, 'Harbour Dental Group').getByText('0 of 2 people agree').waitFor();
      await panel(page, 'Harbour Dental Group').getByRole('button', { name: 'Strong commands may go on' }).click();
      await outcome(page, 'Noted; others have to agree too.').waitFor();
      await panel(page, 'Harbour Dental Group').getByText('1 of 2 people agree').waitFor();
      await isAccessible(page);
    });
  });

  it('keeps to a policy that people can read and change', () =>
    as(admin, async (page) => {
      await open(page, '/settings');
      await page.getByRole('link', { name: 'Approval policies' }).click();
      await heading(page, 'Approval policies').waitFor();
      await page.getByRole('link', { name: 'Northwind Joinery' }).click();
      await page.getByText('What is decided for all businesses holds.').waitFor();
      const change = panel(page, 'Decide for this business');
      await change.getByRole('group', { name: 'Run a script' }).getByLabel('How many').selectOption('2');
      await change.getByRole('button', { name: 'Save' }).click();
      await outcome(page, 'Approval policy changed.').waitFor();
      await row(page, 'Approvals by kind', 'Run a script').getByText('Needs 2 approvals of other people.').waitFor();
      await pictures(page, 'approval-policy');
    }));

  it('5: an offline device keeps what waits for it, and does it when it is back', () =>
    as(technician, async (page) => {
      await agent.pause();
      await open(page, `/devices/${id}/commands`);
      await page.getByRole('main').getByText('Offline', { exact: true }).first().waitFor({ timeout: NEXT_LOOK });
      await open(page, ask('set_mode', '&mode=safe'));
      await page.getByText('It cannot be reached at the moment: it waits until it is back, or its time is over.').waitFor();
      await page.getByRole('button', { name: 'Send' }).click();
      await page.waitForURL('**/commands/requests/**');
      await isLive(page);
      await keep(page);
      await commands(page, 'safe mode').getByText('Pending', { exact: true }).waitFor();
      await agent.resume();
      await commands(page, 'safe mode').getByText('Completed', { exact: true }).waitFor({ timeout: NEXT_LOOK });
      await isKept(page);
    }));

  it('is found again by what stands in the URL', () =>
    as(technician, async (page) => {
      await open(page, '/commands');
      await page.getByLabel('Kind').selectOption('notify_ops');
      await page.waitForURL('**/commands?kind=notify_ops');
      await commands(page, 'Restart').first().waitFor({ state: 'detached' });
      await commands(page, 'Note').waitFor();
      await open(page, '/commands?state=interrupted');
      await page.getByText('No command matches').waitFor();
    }));

  it('works without JavaScript', () =>
    as(
      technician,
      async (page) => {
        await open(page, `/devices/${id}/commands`, { js: false });
        await page.getByRole('link', { name: 'New command' }).click();
        await page.getByRole('link', { name: 'Send a note' }).click();
        await page.getByLabel('Message').fill('Without a script.');
        await page.getByRole('button', { name: 'Send' }).click();
        await page.getByText('On its way.').waitFor();
        await commands(page, 'Without a script').waitFor();
        await open(page, '/commands/new', { js: false });
        await page.getByLabel(`Choose ${hostname()}`).check();
        await page.getByRole('button', { name: 'Go on with the chosen ones' }).click();
        await page.getByRole('link', { name: 'Collect inventory' }).click();
        await page.getByText('Nobody has to approve it.').waitFor();
        await page.getByRole('button', { name: 'Send' }).click();
        await page.getByText('On its way.').waitFor();
      },
      { js: false },
    ));

  it('fits a phone', () =>
    as(
      admin,
      async (page) => {
        for (const path of ['/commands', '/approvals?show=rejected', '/scripts', '/emergency-stop', '/approval-policies', '/approval-policies/all', `/devices/${id}/commands`, `/commands/new?devices=${id}`, '/commands/new', ask('run_script')]) {
          await open(page, path);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
          await isAccessible(page);
        }
      },
      { viewport: PHONE },
    ));
});

/** Light and dark, wide and on a phone, each without anything that keeps people out. */
async function pictures(page, name, back = WIDE) {
  for (const viewport of [WIDE, PHONE]) {
    await page.setViewportSize(viewport);
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: join(OUT, `${name}-${theme}-${viewport.width}.png`), fullPage: true });
      await isAccessible(page);
    }
  }
  await page.setViewportSize(back);
  await page.emulateMedia({ colorScheme: 'light' });
}
