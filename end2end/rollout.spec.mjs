//! Rollouts in the portal with the real server, a release that the real tool signed, and devices that a test plays: designed
//! with a preview, watched while devices report, held, halted by what goes wrong and let go on by somebody else, taken back;
//! and what a device's own page tells of it.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isAccessible } from './support/axe.mjs';
import { PHONE, WIDE, alive, openBrowser, withPage } from './support/browser.mjs';
import { playDevice } from './support/device.mjs';
import { age, renew } from './support/factor.mjs';
import { api, firstSession, heading, isKept, isLive, keep, open, outcome, panel, problemOf, question, row } from './support/pages.mjs';
import { OUT } from './support/paths.mjs';
import { openWorkstation } from './support/release.mjs';
import { startServer } from './support/server.mjs';

/** The server looks at its rollouts every few seconds. */
const SOON = 30_000;
/** Devices whose rollouts are watched. */
const NAMES = ['till-1', 'till-2', 'till-3', 'till-4', 'till-5', 'till-6'];

describe('rollouts', () => {
  let browser;
  let server;
  let desk;
  const sessions = {};
  const devices = {};
  const ids = {};
  before(async () => {
    mkdirSync(OUT, { recursive: true });
    desk = openWorkstation();
    server = await startServer({ demo: true });
    browser = await openBrowser();
    for (const name of ['admin', 'technician', 'auditor', 'owner']) {
      sessions[name] = await firstSession(browser, server, server.people[name]);
    }
    await as('admin', async (page) => {
      await open(page, '/');
      const business = (await api(page, 'GET', '/businesses')).body.items[0].id;
      for (const device_name of NAMES) {
        const { body } = await api(page, 'POST', '/agents/registration-tokens', { business_id: business, device_name });
        devices[device_name] = await playDevice(server, body.token, device_name);
      }
      const root = await api(page, 'POST', '/releases/roots', { root: readFileSync(desk.root, 'utf8'), fingerprint: desk.fingerprint });
      assert.ok(root.status < 300, JSON.stringify(root.body));
    });
    ids.first = await bring(desk.release('1.4.0', 1, { updater: false }));
    ids.second = await bring(desk.release('1.5.0', 2, { updater: false }));
    // Halted by one, let go on by another: the auditor becomes somebody who may.
    await as('admin', async (page) => {
      await open(page, '/');
      const { body } = await api(page, 'GET', '/users');
      const auditor = body.items.find((user) => user.email === server.people.auditor.email);
      const changed = await api(page, 'PUT', `/users/${auditor.id}`, { email: auditor.email, full_name: auditor.full_name, role: 'msp_admin' });
      assert.equal(changed.status, 200, JSON.stringify(changed.body));
    });
    sessions.other = sessions.auditor;
    server.people.other = server.people.auditor;
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    desk?.close();
  });
  const as = (name, run, options = {}) => {
    renew(server, server.people[name]);
    return withPage(browser, { url: server.url, session: sessions[name], ...options }, run);
  };
  const rollouts = (page, text) => row(page, 'Rollouts', text);
  const wave = (page, number) => page.locator('.wave').nth(number - 1);
  const waveRow = (page, number) => page.getByRole('group', { name: `Wave ${number}`, exact: true });
  const state = (page, word) => page.locator('.page-head .status').getByText(word, { exact: true });
  const remove = (page, number) => page.getByRole('button', { name: `Remove: wave ${number}` }).click();

  /** Brings a release to the server, as its own tool would. */
  async function bring(release) {
    renew(server, server.people.admin);
    const cookie = sessions.admin.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const send = async (fields) => {
      const form = new FormData();
      for (const [name, value, file] of fields) form.append(name, value, ...(file ? [file] : []));
      const response = await fetch(`${server.url}/api/v1/agents/upload`, { method: 'POST', headers: { cookie, origin: server.url }, body: form });
      const body = await response.json();
      assert.ok(response.status < 300, JSON.stringify(body));
      return body;
    };
    const file = new Blob([readFileSync(release.agent)]);
    const fields = [['manifest', readFileSync(release.manifest, 'utf8')], ['version', release.version], ['os', 'linux'], ['arch', 'x86_64'], ['kind', 'agent'], ['file', file, basename(release.agent)]];
    const answer = await send(fields);
    assert.equal(answer.is_complete, true, JSON.stringify(answer));
    return answer.release.id;
  }

  /** Makes a rollout of two waves without a soak, the first of which names a device, and opens its page. */
  async function design(page, name, release, canary) {
    await open(page, `/rollouts/new?release=${release}`);
    await page.getByLabel('Name', { exact: true }).fill(name);
    for (let number = 4; number >= 1; number -= 1) await remove(page, number);
    await page.getByRole('button', { name: 'Begin with chosen devices' }).click();
    await waveRow(page, 1).getByLabel(canary).check();
    for (const number of [1, 2]) {
      await waveRow(page, number).getByLabel('Soak').fill('0');
      await waveRow(page, number).getByLabel('Of each platform').fill('1');
    }
    await page.getByLabel('Minutes to spread them over').fill('0');
    await page.getByLabel('It starts').selectOption('now');
    await page.getByText(/ goes to \d+ devices/).waitFor();
    await page.getByRole('button', { name: 'Make this rollout' }).click();
    await heading(page, name).waitFor();
    return new URL(page.url()).pathname;
  }

  describe('the designer', () => {
    it('is where a rollout begins', () =>
      as('admin', async (page) => {
        await open(page, '/');
        await page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name: 'Rollouts' }).click();
        await page.getByText('No rollouts').waitFor();
        await pictures(page, 'rollouts-none');
        await page.getByRole('link', { name: 'New rollout' }).first().click();
        await heading(page, 'New rollout').waitFor();
        await page.getByText(/is shown here once everything is filled in/).waitFor();
        await pictures(page, 'rollout-design-empty');
      }));

    it('says exactly which devices are in each wave, and which are not', () =>
      as('admin', async (page) => {
        await open(page, `/rollouts/new?release=${ids.first}`);
        await page.getByLabel('Name', { exact: true }).fill('1.4.0 to everybody');
        await page.getByText(`1.4.0 goes to ${NAMES.length} devices`).waitFor();
        await page.getByRole('button', { name: 'Begin with chosen devices' }).click();
        await waveRow(page, 6).waitFor();
        await page.getByText(/Wave 1: choose a percent or devices/).waitFor();
        await waveRow(page, 1).getByLabel('till-2').check();
        const happens = panel(page, 'What would happen');
        await happens.getByText('Wave 1: 1 device').waitFor();
        await happens.getByRole('link', { name: 'till-2' }).waitFor();
        await happens.getByText(/fewer than 5 say little/).waitFor();
        await waveRow(page, 1).getByLabel('Find others by their name').fill('till-5');
        await waveRow(page, 1).getByLabel('till-5').check();
        await happens.getByText('Wave 1: 2 devices').waitFor();
        await waveRow(page, 1).getByLabel('till-3').waitFor({ state: 'detached' });
        assert.ok(await waveRow(page, 1).getByLabel('till-2').isChecked(), 'what was ticked stays ticked');
        await pictures(page, 'rollout-design');
      }));

    it('moves waves with the keyboard, and keeps what was typed with its wave', () =>
      as('admin', async (page) => {
        await open(page, `/rollouts/new?release=${ids.first}`);
        await waveRow(page, 2).getByLabel('Soak').fill('7');
        await page.getByRole('button', { name: 'Up: wave 2' }).focus();
        await page.keyboard.press('Enter');
        await page.locator('#wave-0-down:focus').waitFor();
        assert.equal(await waveRow(page, 1).getByLabel('Soak').inputValue(), '7');
        assert.equal(await waveRow(page, 1).getByLabel('Percent of all').inputValue(), '5');
        await page.keyboard.press('Enter');
        assert.equal(await waveRow(page, 2).getByLabel('Soak').inputValue(), '7');
        await page.getByRole('button', { name: 'Add a wave' }).click();
        await waveRow(page, 6).waitFor();
        for (let number = 6; number >= 2; number -= 1) await remove(page, number);
        assert.equal(await page.locator('.wave-row').count(), 1);
        await page.getByLabel('Name', { exact: true }).fill('too little');
        await page.getByText(/The last wave has to take 100 percent/).waitFor();
      }));

    it('narrows down for whom it is', () =>
      as('admin', async (page) => {
        await open(page, `/rollouts/new?release=${ids.first}`);
        await page.getByLabel('Name', { exact: true }).fill('to a few');
        await page.getByLabel('For', { exact: true }).selectOption('devices');
        await page.getByText(/Choose at least one/).waitFor();
        const boxes = page.getByRole('group', { name: 'Devices', exact: true });
        await boxes.getByLabel('till-1').check();
        await boxes.getByLabel('till-2').check();
        await page.getByText('1.4.0 goes to 2 devices').waitFor();
        await page.getByLabel('For', { exact: true }).selectOption('businesses');
        await page.getByRole('group', { name: 'Businesses' }).getByLabel('Harbour Dental Group').check();
        await page.getByText(`1.4.0 goes to ${NAMES.length} devices`).waitFor();
        await page.getByLabel('Channel').selectOption('beta');
        const happens = panel(page, 'What would happen');
        await happens.getByText(`Follows another channel: ${NAMES.length} devices`).click();
        await happens.getByRole('link', { name: 'till-6' }).waitFor();
        await pictures(page, 'rollout-design-excluded');
      }));

    it('names the field that is not acceptable', () =>
      as('admin', async (page) => {
        page.watch.allow(/422/);
        await open(page, `/rollouts/new?release=${ids.first}`);
        await page.getByLabel('Name', { exact: true }).fill('one that cannot be');
        await page.getByLabel('Or so many devices in all').fill('many');
        await page.getByRole('button', { name: 'Make this rollout' }).click();
        assert.match(await problemOf(page.getByLabel('Or so many devices in all')), /Write a number/);
      }));
  });

  describe('a rollout', () => {
    it('starts after another proof, and its numbers move as devices report', () =>
      as('admin', async (page) => {
        page.watch.allow(/403/);
        age(server, server.people.admin);
        await open(page, `/rollouts/new?release=${ids.first}`);
        await page.getByLabel('Name', { exact: true }).fill('1.4.0 to everybody');
        for (let number = 4; number >= 1; number -= 1) await remove(page, number);
        await page.getByRole('button', { name: 'Begin with chosen devices' }).click();
        await waveRow(page, 1).getByLabel('till-1').check();
        for (const number of [1, 2]) {
          await waveRow(page, number).getByLabel('Soak').fill('0');
          await waveRow(page, number).getByLabel('Of each platform').fill('1');
        }
        await page.getByLabel('Minutes to spread them over').fill('0');
        await page.getByLabel('It starts').selectOption('now');
        await page.getByText(`1.4.0 goes to ${NAMES.length} devices`).waitFor();
        await page.getByRole('button', { name: 'Make this rollout' }).click();
        await confirm(page, server.people.admin);
        await heading(page, '1.4.0 to everybody').waitFor();
        ids.path = new URL(page.url()).pathname;
        await state(page, 'Running').waitFor();
        await isLive(page);
        await keep(page);
        assert.equal(await devices['till-2'].ask(), null, 'the second wave is not open');
        assert.ok(await devices['till-1'].ask(), 'the first wave is');
        await wave(page, 1).getByText('Offered').waitFor({ timeout: SOON });
        // Whoever is writing why is not disturbed by what happens meanwhile, and sees it afterwards.
        const halt = await question(page, 'Halt', 'Stop this rollout?');
        await halt.getByLabel('What is wrong').fill('Something smells.');
        await devices['till-1'].confirm();
        // Longer than the page gathers what it is told before it looks again.
        await page.waitForTimeout(1500);
        assert.equal(await halt.getByLabel('What is wrong').inputValue(), 'Something smells.');
        await page.locator('summary', { hasText: /^Halt$/ }).click();
        await wave(page, 1).getByText('Confirmed').waitFor({ timeout: SOON });
        await wave(page, 1).getByText('Passed').waitFor({ timeout: SOON });
        await wave(page, 2).getByText('Open', { exact: true }).waitFor({ timeout: SOON });
        await isKept(page);
        await pictures(page, 'rollout-running');
      }));

    it('has the devices behind every number', () =>
      as('admin', async (page) => {
        await open(page, ids.path);
        await wave(page, 1).getByRole('link', { name: /1 Confirmed/ }).click();
        await page.waitForURL('**/devices?wave=1&state=confirmed');
        const found = row(page, 'Devices of the rollout', 'till-1');
        await found.getByText('312 ms').waitFor();
        assert.equal(await page.getByRole('region', { name: 'Devices of the rollout' }).getByRole('row').count(), 2);
        await page.locator('select[name="state"]').selectOption('lost');
        await page.getByText('No device matches').waitFor();
        await page.getByRole('link', { name: 'Show all devices' }).click();
        await row(page, 'Devices of the rollout', 'till-6').waitFor();
        await pictures(page, 'rollout-devices');
      }));

    it('is held and goes on', () =>
      as('admin', async (page) => {
        await open(page, ids.path);
        const pause = await question(page, 'Pause', 'Hold this rollout?');
        await pause.getByLabel('Why').fill('The practice is full.');
        await pause.getByRole('button', { name: 'Pause it' }).click();
        await outcome(page, 'Paused.').waitFor();
        await state(page, 'Paused').waitFor();
        await page.locator('.rollout-outlook').getByText('The practice is full.').waitFor();
        assert.equal(await devices['till-2'].ask(), null, 'nobody gets it meanwhile');
        await pictures(page, 'rollout-paused');
        const resume = await question(page, 'Resume', 'Let this rollout go on?');
        await resume.getByRole('button', { name: 'Let it go on' }).click();
        await outcome(page, 'It goes on.').waitFor();
        await state(page, 'Running').waitFor();
        assert.ok(await devices['till-2'].ask());
      }));

    it('halts by itself when devices go wrong, and says why', () =>
      as('admin', async (page) => {
        await open(page, ids.path);
        await isLive(page);
        const bad = ['till-2', 'till-3', 'till-4'];
        // One alone that comes back while nobody else is about it would end the wave.
        for (const name of bad) assert.ok(await devices[name].ask(), name);
        for (const name of bad) {
          await devices[name].rollBack(['INFO starting', 'ERROR <b>no such table</b>', 'thread main panicked']);
        }
        await state(page, 'Halted').waitFor({ timeout: SOON });
        await page.locator('.rollout-outlook').getByText(/3 devices in a row went wrong/).waitFor();
        await page.getByText('Somebody else than who started it has to let it go on after a halt.').waitFor();
        assert.equal(await page.locator('summary', { hasText: 'Resume' }).count(), 0);
        assert.equal(await devices['till-5'].ask(), null);
        await pictures(page, 'rollout-halted');
      }));

    it('stands on the overview while it waits for somebody', () =>
      as('technician', async (page) => {
        await open(page, '/');
        await page.getByRole('link', { name: '1 rollout has stopped' }).click();
        await page.waitForURL('**/rollouts?state=halted');
        await rollouts(page, '1.4.0 to everybody').getByText('Halted').waitFor();
      }));

    it('goes on after a halt only when somebody else says why', async () => {
      await as('other', async (page) => {
        page.watch.allow(/422|403/);
        await open(page, ids.path);
        age(server, server.people.other);
        const resume = await question(page, 'Resume', 'Let this rollout go on?');
        await resume.getByLabel('Why it is safe').fill('All three had a full disk, which is cleared.');
        await resume.getByRole('button', { name: 'Let it go on' }).click();
        await confirm(page, server.people.other);
        await outcome(page, 'It goes on.').waitFor();
        await state(page, 'Running').waitFor();
        const trail = panel(page, 'Decisions');
        await trail.getByText('Let go on the rollout 1.4.0 to everybody').first().waitFor();
        await trail.getByText(/Halted by itself/).waitFor();
        await trail.getByText('Paused the rollout 1.4.0 to everybody').waitFor();
        await isAccessible(page);
      });
      assert.ok(await devices['till-5'].ask());
    });

    it('tells on the page of a device what it got and why it came back', () =>
      as('technician', async (page) => {
        await open(page, `/devices/${devices['till-2'].id}`);
        await page.getByRole('navigation', { name: 'Device' }).getByRole('link', { name: 'Updates' }).click();
        await panel(page, 'What runs').getByText('1.3.0').waitFor();
        const updates = panel(page, 'Updates');
        await updates.getByText('Rolled back', { exact: true }).waitFor();
        await updates.getByText(/It ended 3 times\./).waitFor();
        await updates.getByText('The last lines of the build that was put away').click();
        await updates.getByText('ERROR <b>no such table</b>').waitFor();
        await updates.getByText('4210 ms').waitFor();
        await pictures(page, 'device-updates');
        await panel(page, 'Channel').getByLabel('Follows').selectOption('beta');
        await page.getByRole('button', { name: 'Change channel' }).click();
        await outcome(page, 'It follows Beta now.').waitFor();
        await panel(page, 'Channel').getByText('before others do').waitFor();
      }));

    it('is taken back', () =>
      as('admin', async (page) => {
        await open(page, ids.path);
        const cancel = await question(page, 'Cancel', 'Take 1.4.0 to everybody back?');
        await cancel.getByRole('button', { name: 'Take it back for good' }).click();
        await outcome(page, 'Taken back.').waitFor();
        await state(page, 'Cancelled').waitFor();
        assert.equal(await page.locator('.rollout-acts').count(), 0);
        await open(page, '/rollouts');
        await rollouts(page, '1.4.0 to everybody').getByText('Cancelled').waitFor();
        await pictures(page, 'rollouts');
        await page.locator('select[name="state"]').selectOption('running');
        await page.getByText('No rollout matches').waitFor();
      }));

    it('is undone with a release of a higher sequence', () =>
      as('admin', async (page) => {
        const path = await design(page, '1.4.0 once more', ids.first, 'till-6');
        await devices['till-6'].ask();
        await devices['till-6'].confirm();
        await page.goto(path);
        await alive(page);
        const back = await question(page, 'Roll back', 'Undo this rollout?');
        await back.getByLabel('With which release').selectOption({ index: 0 });
        await back.getByLabel('Why').fill('It forgets what it measured.');
        await back.getByRole('button', { name: 'Roll it back' }).click();
        await heading(page, 'Undo 1.4.0 once more').waitFor();
        await page.getByText('It undoes').waitFor();
        await page.getByRole('link', { name: '1.4.0 once more', exact: true }).first().click();
        await state(page, 'Rolling back').waitFor();
        await pictures(page, 'rollout-rolling-back');
      }));
  });

  it('does without JavaScript', () =>
    as(
      'admin',
      async (page) => {
        await open(page, `/rollouts/new?release=${ids.second}`, { js: false });
        await page.getByLabel('Name', { exact: true }).fill('plain');
        await page.getByLabel('For', { exact: true }).selectOption('devices');
        await page.getByRole('button', { name: 'Preview' }).last().click();
        await page.getByRole('group', { name: 'Devices', exact: true }).getByLabel('till-5').check();
        await page.getByRole('group', { name: 'Devices', exact: true }).getByLabel('till-6').check();
        for (let number = 4; number >= 1; number -= 1) await remove(page, number);
        await page.getByRole('button', { name: 'Begin with chosen devices' }).click();
        await waveRow(page, 1).getByLabel('till-5').check();
        await page.getByRole('button', { name: 'Preview' }).last().click();
        await page.getByText('1.5.0 goes to 2 devices').waitFor();
        await page.getByText('Wave 1: 1 device').waitFor();
        await page.screenshot({ path: join(OUT, 'rollout-design-plain.png'), fullPage: true });
        await page.getByRole('button', { name: 'Make this rollout' }).click();
        await heading(page, 'plain').waitFor();
        await page.getByText('Rollout made. It is a draft.').waitFor();
        await state(page, 'Draft').waitFor();
        const hand = await question(page, 'Hand in', 'Hand this rollout in?');
        await hand.getByRole('button', { name: 'Hand it in' }).click();
        await state(page, 'Scheduled').waitFor();
        const start = await question(page, 'Start', 'Start this rollout?');
        await start.getByRole('button', { name: 'Start it' }).click();
        await state(page, 'Running').waitFor();
        await page.screenshot({ path: join(OUT, 'rollout-plain.png'), fullPage: true });
      },
      { js: false },
    ));

  describe('other people', () => {
    it('of the provider may look, unless they manage rollouts', () =>
      as('technician', async (page) => {
        await open(page, '/rollouts');
        await rollouts(page, '1.4.0 to everybody').getByRole('link').click();
        await page.getByText('Rollouts are managed by those whose role says so.').or(state(page, 'Cancelled')).first().waitFor();
        assert.equal(await page.locator('.rollout-acts').count(), 0);
        await open(page, '/rollouts/new');
        await page.getByText('Not yours to make').waitFor();
      }));

    it('of a business see nothing of it', () =>
      as('owner', async (page) => {
        page.watch.allow(/404|403/);
        await open(page, '/');
        assert.equal(await page.getByRole('link', { name: 'Rollouts' }).count(), 0);
        for (const path of ['/rollouts', '/rollouts/new', ids.path, `${ids.path}/devices`]) {
          await open(page, path);
          await page.getByText('Not yours to see').waitFor();
          assert.equal(await page.getByText('1.4.0').count(), 0);
        }
        await open(page, `/devices/${devices['till-1'].id}`);
        await page.getByRole('navigation', { name: 'Device' }).waitFor();
        assert.equal(await page.getByRole('link', { name: 'Updates' }).count(), 0);
      }));
  });
});

/** Answers the question who it is, in place. */
async function confirm(page, person) {
  const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' });
  await dialog.getByLabel('Your password').fill(person.password);
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** Light and dark, wide and on a phone: nothing sticks out, and everybody can use it. */
async function pictures(page, name, back = WIDE) {
  for (const viewport of [WIDE, PHONE]) {
    await page.setViewportSize(viewport);
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: join(OUT, `${name}-${theme}-${viewport.width}.png`), fullPage: true });
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= viewport.width, `${name} is ${width} wide in a window of ${viewport.width}`);
      await isAccessible(page);
    }
  }
  await page.setViewportSize(back);
  await page.emulateMedia({ colorScheme: 'light' });
}
