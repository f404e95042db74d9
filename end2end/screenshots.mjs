//! Makes the picture of the README: the page of one device of a demo whose agent has run for a while.
//! `node screenshots.mjs [minutes]`

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { startAgent } from './support/agent.mjs';
import { openBrowser, withPage } from './support/browser.mjs';
import { firstSession, heading, isLive, open, row } from './support/pages.mjs';
import { DOCS } from './support/paths.mjs';
import { startServer } from './support/server.mjs';

const minutes = Number(process.argv[2] ?? 2);
const server = await startServer({ demo: true });
const browser = await openBrowser();
const agent = await startAgent(server, server.token);
try {
  const session = await firstSession(browser, server, server.people.admin);
  console.log(`the agent gathers values for ${minutes} minutes`);
  await rest(minutes * 60_000);
  mkdirSync(DOCS, { recursive: true });
  await withPage(browser, { url: server.url, session }, async (page) => {
    await open(page, '/devices');
    await row(page, 'Devices', 'Online').getByRole('link').first().click();
    await heading(page).waitFor();
    await page.getByRole('navigation', { name: 'Device' }).getByRole('link', { name: 'Metrics' }).click();
    await isLive(page);
    await page.watch.settled();
    const file = join(DOCS, 'screenshot.png');
    await page.screenshot({ path: file });
    console.log(file);
  });
} finally {
  await agent.stop();
  await browser.close();
  await server.stop();
}
