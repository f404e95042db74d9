//! The audit log: read, narrowed, opened, taken along and checked, with and without JavaScript.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isAccessible } from './support/axe.mjs';
import { PHONE, WIDE, openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, heading, open, panel, row } from './support/pages.mjs';
import { OUT } from './support/paths.mjs';
import { startServer } from './support/server.mjs';

const MARKUP = 'Quay </title><b>Works</b>';

describe('the audit log', () => {
  let browser;
  let server;
  let session;
  before(async () => {
    server = await startServer({ demo: true });
    browser = await openBrowser();
    session = await firstSession(browser, server, server.people.admin);
    await withPage(browser, { url: server.url, session }, async (page) => {
      await open(page, '/businesses');
      const made = await api(page, 'POST', '/businesses', { business_name: 'Quay Works' });
      await api(page, 'PATCH', `/businesses/${made.body.id}`, { business_name: MARKUP });
    });
    mkdirSync(OUT, { recursive: true });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  for (const js of [true, false]) {
    const how = js ? 'with' : 'without';
    const on = (run, more = {}) => withPage(browser, { url: server.url, session, js, ...more }, run);

    it(`is read, narrowed and opened ${how} JavaScript`, () =>
      on(async (page) => {
        await open(page, '/audit', { js });
        await heading(page, 'Audit log').waitFor();
        await row(page, 'Audit entries', 'Added the business Quay Works').waitFor();
        await page.getByLabel('Action').selectOption('business.rename');
        if (!js) await page.getByRole('button', { name: 'Apply' }).click();
        await page.waitForURL(/action=business\.rename/);
        const renamed = row(page, 'Audit entries', 'Renamed the business Quay Works');
        // It stood in the whole list too: what else was there has to go first.
        await row(page, 'Audit entries', 'Added the business Quay Works').waitFor({ state: 'detached' });
        await renamed.waitFor();
        assert.equal(await page.getByRole('region', { name: 'Audit entries' }).locator('tbody tr').count(), 1);
        await renamed.getByRole('link').first().click();
        await heading(page, `Renamed the business Quay Works to ${MARKUP}`).waitFor();
        assert.match(await page.title(), /<\/title><b>Works<\/b>/, 'a title is text');
        const sides = page.getByRole('region', { name: 'Before and after' });
        await sides.getByText(MARKUP, { exact: true }).waitFor();
        await panel(page, 'Place in the chain').getByText('Hash of the entry before').waitFor();
      }));

    it(`is checked ${how} JavaScript`, () =>
      on(async (page) => {
        await open(page, '/audit', { js });
        await page.getByRole('button', { name: 'Check the chain' }).click();
        await page.getByText(/The chain is whole: \d+ entries/).first().waitFor();
      }));
  }

  it('is taken along as a file', () =>
    withPage(browser, { url: server.url, session }, async (page) => {
      await open(page, '/audit?action=business.rename');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Export CSV' }).click(),
      ]);
      assert.equal(download.suggestedFilename(), 'reeve-audit.csv');
    }));

  for (const [name, options] of Object.entries({
    wide: { viewport: WIDE },
    dark: { viewport: WIDE, theme: 'dark' },
    phone: { viewport: PHONE },
  })) {
    it(`looks well: ${name}`, () =>
      withPage(browser, { url: server.url, session, ...options }, async (page) => {
        for (const [what, path] of [
          ['audit', '/audit'],
          ['audit-none', '/audit?search=nothing-like-this'],
          ['audit-entry', '/audit?action=business.rename'],
        ]) {
          await open(page, path);
          if (what === 'audit-entry') {
            await row(page, 'Audit entries', 'Renamed').getByRole('link').first().click();
            await panel(page, 'Place in the chain').waitFor();
          }
          await isAccessible(page);
          await page.screenshot({ path: join(OUT, `${what}-${name}.png`), fullPage: true });
        }
      }));
  }
});
