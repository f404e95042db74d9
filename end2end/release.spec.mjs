//! Releases in the portal, with keys, roots, manifests and programs that the real tool made: the first root, an upload
//! that is watched, cancelled and tried again, everything that is not taken, and who may do what.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isAccessible } from './support/axe.mjs';
import { PHONE, WIDE, openBrowser, toolsOf, withPage } from './support/browser.mjs';
import { age, renew } from './support/factor.mjs';
import { alert, firstSession, heading, isKept, isLive, keep, open, outcome, panel, problemOf, question, row } from './support/pages.mjs';
import { OUT } from './support/paths.mjs';
import { openWorkstation, sha256, windowsProgram } from './support/release.mjs';
import { startServer } from './support/server.mjs';

/** A program of some fifty megabytes is read and sent in less, also on a busy machine. */
const LONG = 120_000;

describe('releases', () => {
  let browser;
  let server;
  let desk;
  let stranger;
  let first;
  let second;
  const sessions = {};
  before(async () => {
    mkdirSync(OUT, { recursive: true });
    desk = openWorkstation();
    stranger = openWorkstation();
    first = desk.release('1.4.0', 1);
    second = desk.release('1.5.0-beta.1', 2, { channel: 'beta', updater: false });
    server = await startServer({ demo: true });
    browser = await openBrowser();
    for (const name of ['admin', 'technician', 'auditor', 'owner']) {
      sessions[name] = await firstSession(browser, server, server.people[name]);
    }
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    desk?.close();
    stranger?.close();
  });
  const as = (name, run, options = {}) => {
    renew(server, server.people[name]);
    return withPage(browser, { url: server.url, session: sessions[name], ...options }, run);
  };
  const manifestOf = (page) => page.getByLabel('Signed manifest');
  const programs = (page) => page.getByLabel('Programs', { exact: true });
  const send = (page) => page.getByRole('button', { name: 'Upload', exact: true }).click();
  const card = (page, file) => page.getByRole('list', { name: 'Chosen programs' }).getByRole('listitem').filter({ hasText: basename(file) });
  const isRead = (page, file) => card(page, file).getByText('Not sent yet').waitFor({ timeout: LONG });
  const releases = (page, text) => row(page, 'Releases', text);

  describe('the first root', () => {
    it('is what comes first', () =>
      as('admin', async (page) => {
        await open(page, '/');
        await page.getByRole('navigation', { name: 'Places' }).getByRole('link', { name: 'Releases' }).click();
        await page.getByText('No releases').waitFor();
        await pictures(page, 'releases-none');
        await page.getByRole('link', { name: 'Add the first root' }).click();
        await heading(page, 'Release roots').waitFor();
        await page.getByText('No root yet').waitFor();
        await page.getByRole('region', { name: 'Commands that make the first root' }).getByText('reeve-release root make').waitFor();
        await pictures(page, 'release-roots-none');
      }));

    it('is compared by its fingerprint, and trusted after another proof', () =>
      as('admin', async (page) => {
        page.watch.allow(/422|403/);
        await open(page, '/releases/roots');
        await page.getByLabel('File of the root').setInputFiles(desk.root);
        await page.getByText('signed by enough of its own keys; not trusted yet').waitFor();
        const shown = (await page.locator('.fingerprint').innerText()).trim();
        assert.equal(shown, desk.fingerprint.match(/.{4}/g).join(' '));
        await page.getByText('release workstation: Releases').waitFor();
        await pictures(page, 'release-root-looked-at');
        const fingerprint = page.getByLabel('Fingerprint', { exact: true });
        await fingerprint.fill(stranger.fingerprint);
        await page.getByRole('button', { name: 'Trust this root' }).click();
        assert.match(await problemOf(fingerprint), new RegExp(desk.fingerprint));
        age(server, server.people.admin);
        // In groups and in capitals, as people read it to each other.
        await fingerprint.fill(desk.fingerprint.toUpperCase().match(/.{4}/g).join(' '));
        await page.getByRole('button', { name: 'Trust this root' }).click();
        await confirm(page, server.people.admin);
        await outcome(page, 'Root 1 is in force.').waitFor();
        await panel(page, 'Root 1').getByText('2 of 3').waitFor();
        await panel(page, 'Root 1').getByText('does not hold the freshness key').waitFor();
        await panel(page, 'Add the next root').waitFor();
        await pictures(page, 'release-roots');
      }));

    it('is followed by what it vouches for, and by nothing else', () =>
      as(
        'admin',
        async (page) => {
          await open(page, '/releases/roots', { js: false });
          const text = page.getByLabel('Signed root');
          await text.fill(readFileSync(stranger.nextRoot(), 'utf8'));
          await page.getByRole('button', { name: 'Add root' }).click();
          await problemOf(text);
          await text.fill(readFileSync(desk.nextRoot(), 'utf8'));
          await page.getByRole('button', { name: 'Add root' }).click();
          await page.getByText('Root 2 is in force.').waitFor();
          await panel(page, 'Root 1').getByText('followed by another').waitFor();
        },
        { js: false },
      ));
  });

  describe('an upload', () => {
    it('says what is wrong before anything is sent', () =>
      as('admin', async (page) => {
        await open(page, '/releases/upload');
        await send(page);
        assert.match(await problemOf(programs(page)), /Choose a program/);
        await pictures(page, 'release-upload');
        const text = join(desk.folder, 'letter.txt');
        writeFileSync(text, 'This is no program.\n');
        const windows = windowsProgram(join(desk.folder, 'agent.exe'));
        await programs(page).setInputFiles([text, windows]);
        await card(page, text).getByText('This is no program for Linux, macOS or Windows').waitFor();
        await card(page, windows).getByText('Windows, x86_64').waitFor();
        await manifestOf(page).setInputFiles(text);
        assert.match(await problemOf(manifestOf(page)), /no signed manifest/);
        await manifestOf(page).setInputFiles(first.manifest);
        await page.getByText('1.4.0, sequence 1').waitFor();
        assert.equal(await page.getByLabel('Version').inputValue(), '1.4.0');
        assert.equal(await page.getByLabel('Notes').inputValue(), 'What is new in 1.4.0.');
        await card(page, windows).getByText('The manifest names nothing for Windows, x86_64').waitFor();
        await programs(page).setInputFiles(second.agent);
        await card(page, second.agent).getByText('The manifest names other files for Linux').waitFor({ timeout: LONG });
        await pictures(page, 'release-upload-wrong');
        await card(page, text).getByRole('button', { name: /Remove/ }).click();
        await card(page, text).waitFor({ state: 'detached' });
      }));

    it('sorts what is dropped by what it is', () =>
      as('admin', async (page) => {
        await open(page, '/releases/upload');
        const dropped = await page.evaluateHandle((text) => {
          const data = new DataTransfer();
          data.items.add(new File([text], 'manifest.json', { type: 'application/json' }));
          return data;
        }, readFileSync(first.manifest, 'utf8'));
        const zone = page.locator('.file-drop').last();
        await zone.dispatchEvent('dragover', { dataTransfer: dropped });
        await page.locator('.file-drop.is-over').waitFor();
        await zone.dispatchEvent('drop', { dataTransfer: dropped });
        await page.getByText('1.4.0, sequence 1').waitFor();
        assert.equal(await page.locator('.file-drop.is-over').count(), 0);
      }));

    it('takes nothing that the root does not vouch for', () =>
      as('admin', async (page) => {
        page.watch.allow(/422/);
        const forged = stranger.release('1.4.0', 1, { updater: false });
        await open(page, '/releases/upload');
        await manifestOf(page).setInputFiles(forged.manifest);
        await page.getByText('1.4.0, sequence 1').waitFor();
        await send(page);
        assert.match(await problemOf(manifestOf(page)), /[Nn]ot signed by enough trusted keys/);
        await pictures(page, 'release-upload-forged');
      }));

    it('is watched, cancelled and tried again, and ends with the same digest on both sides', () =>
      as('admin', async (page) => {
        page.watch.allow(/403/);
        await open(page, '/releases/upload');
        await keep(page);
        await manifestOf(page).setInputFiles(first.manifest);
        await programs(page).setInputFiles(first.agent);
        await isRead(page, first.agent);
        const digest = sha256(first.agent);
        await card(page, first.agent).getByText(digest).waitFor();
        await card(page, first.agent).getByText('Agent for Linux').waitFor();
        age(server, server.people.admin);
        await slow(page, 400_000);
        await send(page);
        await confirm(page, server.people.admin);
        await card(page, first.agent).getByText('On its way').waitFor();
        await card(page, first.agent).getByText(/\/s, .* left/).waitFor({ timeout: LONG });
        await card(page, first.agent).getByRole('progressbar').waitFor();
        await pictures(page, 'release-upload-under-way');
        await card(page, first.agent).getByRole('button', { name: /Cancel/ }).click();
        await card(page, first.agent).getByText('Cancelled').waitFor();
        await slow(page, -1);
        await card(page, first.agent).getByRole('button', { name: /again/ }).click();
        await card(page, first.agent).getByText('Stored', { exact: true }).waitFor({ timeout: LONG });
        const digests = await card(page, first.agent).locator('.digests dd').allInnerTexts();
        assert.deepEqual(digests.map((text) => text.split(/\s/)[0]), [digest, digest]);
        await card(page, first.agent).getByText('the same').waitFor();
        await page.getByText('Release 1.4.0 is here with 1 of 2 files.').waitFor();
        await isKept(page);
        await pictures(page, 'release-upload-stored');
      }));

    it('brings what is missing, while the release is looked at', () =>
      as('technician', (page) =>
        as('admin', async (other) => {
          await open(page, '/releases');
          await isLive(page);
          await keep(page);
          await releases(page, '1.4.0').getByText('Incomplete').waitFor();
          await open(other, '/releases');
          await releases(other, '1.4.0').getByRole('link').click();
          await other.getByText('1 file is missing.').waitFor();
          await other.getByRole('link', { name: 'Upload files' }).click();
          await other.getByText('Still missing:').waitFor();
          await programs(other).setInputFiles(first.updater);
          await isRead(other, first.updater);
          await send(other);
          await card(other, first.updater).getByText('Stored', { exact: true }).waitFor({ timeout: LONG });
          await other.getByText('Release 1.4.0 is complete').waitFor();
          await releases(page, '1.4.0').getByText('Available').waitFor();
          await isKept(page);
        })));

    it('works without JavaScript, and answers with a page', () =>
      as(
        'admin',
        async (page) => {
          await open(page, '/releases/upload', { js: false });
          await page.getByLabel('C library').waitFor();
          await manifestOf(page).setInputFiles(second.manifest);
          await programs(page).setInputFiles(first.agent);
          await send(page);
          await alert(page).or(page.locator('.field-problem')).first().waitFor({ timeout: LONG });
          await heading(page, 'Upload a release').waitFor();
          await page.screenshot({ path: join(OUT, 'release-upload-refused-plain.png'), fullPage: true });
          await manifestOf(page).setInputFiles(second.manifest);
          await programs(page).setInputFiles(second.agent);
          await send(page);
          await heading(page, 'Release 1.5.0-beta.1').waitFor({ timeout: LONG });
          await row(page, 'Files', sha256(second.agent)).getByText('Here').waitFor();
        },
        { js: false },
      ));
  });

  describe('a release', () => {
    it('is found by what stands in the URL', () =>
      as('admin', async (page) => {
        await open(page, '/releases');
        await pictures(page, 'releases');
        await page.getByLabel('Channel').selectOption('beta');
        await page.waitForURL('**/releases?channel=beta');
        await releases(page, '1.4.0').waitFor({ state: 'detached' });
        await releases(page, '1.5.0-beta.1').getByText('Beta', { exact: true }).waitFor();
        await open(page, '/releases?state=withdrawn');
        await page.getByText('No release matches').waitFor();
        await open(page, '/releases');
        await page.keyboard.press('j');
        await page.keyboard.press('Enter');
        await heading(page, 'Release 1.5.0-beta.1').waitFor();
      }));

    it('says what was signed, and leads to a rollout', () =>
      as('admin', async (page) => {
        await open(page, '/releases');
        await releases(page, '1.4.0').getByRole('link').click();
        await heading(page, 'Release 1.4.0').waitFor();
        await row(page, 'Files', sha256(first.updater)).getByText('Updater for Linux').waitFor();
        await panel(page, 'What was signed').getByText('any version').waitFor();
        await pictures(page, 'release');
        await page.getByText('Write other notes').click();
        await page.getByLabel('What is new').fill('Faster, and <b>bolder</b>.');
        await page.getByRole('button', { name: 'Save' }).click();
        await outcome(page, 'Notes changed.').waitFor();
        await panel(page, 'Notes').getByText('Faster, and <b>bolder</b>.').first().waitFor();
        await page.getByRole('link', { name: 'Roll out' }).click();
        await page.waitForURL('**/rollouts/new?release=**');
      }));

    it('is withdrawn for good, with a reason', () =>
      as('admin', async (page) => {
        page.watch.allow(/422/);
        await open(page, '/releases');
        await releases(page, '1.5.0-beta.1').getByRole('link').click();
        const group = await question(page, 'Withdraw', 'Withdraw 1.5.0-beta.1?');
        await group.getByRole('button', { name: 'Withdraw it for good' }).click();
        assert.match(await problemOf(group.getByLabel('Why')), /Say why/);
        await group.getByLabel('Why').fill('It forgets what it measured.');
        await group.getByRole('button', { name: 'Withdraw it for good' }).click();
        await outcome(page, 'Release withdrawn.').waitFor();
        await page.getByText('It forgets what it measured.').waitFor();
        assert.equal(await page.getByRole('link', { name: 'Roll out' }).count(), 0);
        await pictures(page, 'release-withdrawn');
      }));
  });

  describe('other people', () => {
    it('of the provider may read, unless they manage releases', async () => {
      for (const name of ['technician', 'auditor']) {
        await as(name, async (page) => {
          await open(page, '/releases');
          await releases(page, '1.4.0').waitFor();
          assert.equal(await page.getByRole('link', { name: 'Upload' }).count(), 0);
          await open(page, '/releases/roots');
          await panel(page, 'Root 2').waitFor();
          assert.equal(await page.getByLabel('Signed root').count(), 0);
          await open(page, '/releases/upload');
          await page.getByText('Not yours to upload').waitFor();
          const answer = await page.evaluate(async () => {
            const form = new FormData();
            form.append('manifest', '{}');
            return (await fetch('/api/v1/agents/upload', { method: 'POST', body: form })).status;
          });
          assert.equal(answer, 403);
          page.watch.allow(/403/);
        });
      }
    });

    it('of a business see nothing of it', () =>
      as('owner', async (page) => {
        page.watch.allow(/403/);
        await open(page, '/');
        assert.equal(await page.getByRole('link', { name: 'Releases' }).count(), 0);
        for (const path of ['/releases', '/releases/roots']) {
          await open(page, path);
          await page.getByText('This could not be shown').waitFor();
          assert.equal(await page.getByText('1.4.0').count(), 0);
        }
        await open(page, '/releases/upload');
        await page.getByText('Not yours to upload').waitFor();
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

/** Lets so many bytes a second leave; -1 for as many as there are. */
async function slow(page, uploadThroughput) {
  const tools = await toolsOf(page);
  await tools.send('Network.enable');
  await tools.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput });
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
