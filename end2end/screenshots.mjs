//! Makes the picture of the README: the overview of the sample MSP, with real agents of this machine under the names
//! of machines that such businesses have. One of them has just gone.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startAgent } from './support/agent.mjs';
import { openBrowser, withPage } from './support/browser.mjs';
import { api, firstSession, heading, isLive, open, row } from './support/pages.mjs';
import { DOCS } from './support/paths.mjs';
import { startServer } from './support/server.mjs';

const MACHINES = [
  ['Harbour Street practice', 'reception-01'],
  ['Harbour Street practice', 'x-ray-01'],
  ['Old Town practice', 'reception-02'],
  ['Workshop', 'cnc-01'],
  ['Workshop', 'cnc-02'],
  ['Showroom', 'till-01'],
  ['Head office', 'files-01'],
];
const GONE = 'cnc-02';

const server = await startServer({ demo: true });
const browser = await openBrowser();
const agents = new Map();
try {
  const session = await firstSession(browser, server, server.people.admin);
  await withPage(browser, { url: server.url, session }, async (page) => {
    await open(page, '/');
    const { items: places } = (await api(page, 'GET', '/service-locations')).body;
    for (const [location_name, device_name] of MACHINES) {
      const place = places.find((place) => place.location_name === location_name);
      const input = { business_id: place.business_id, service_location_id: place.id, device_name };
      const issued = await api(page, 'POST', '/agents/registration-tokens', input);
      agents.set(device_name, await startAgent(server, issued.body.token));
    }
    await open(page, '/devices');
    await isLive(page);
    for (const [, name] of MACHINES) await row(page, 'Devices', name).getByText('Online').waitFor({ timeout: 60_000 });
    await agents.get(GONE).pause();
    await row(page, 'Devices', GONE).getByText('Offline').waitFor({ timeout: 60_000 });

    await open(page, '/');
    await heading(page, 'Overview').waitFor();
    await isLive(page);
    await page.watch.settled();
    mkdirSync(DOCS, { recursive: true });
    const file = join(DOCS, 'screenshot.png');
    await page.screenshot({ path: file });
    console.log(file);
  });
} finally {
  for (const agent of agents.values()) await agent.stop();
  await browser.close();
  await server.stop();
}
