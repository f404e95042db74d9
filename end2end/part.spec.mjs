//! The parts that the bundle is cut into come over a network that is not always there.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { alive, openBrowser, withPage } from './support/browser.mjs';
import { open, signIn } from './support/pages.mjs';
import { startServer } from './support/server.mjs';

/** The part of the page for strangers. */
const PART = /\/split_show_door_[^/]*\.wasm$/;

describe('a part of the bundle', () => {
  let browser;
  let server;
  before(async () => {
    server = await startServer({ demo: true });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** Opens the page while the first `times` answers for the part are `fault`, which takes `visitsMeant` visits. */
  const openWith = (times, visitsMeant, fault) =>
    withPage(browser, { url: server.url }, async (page) => {
      page.watch.allow(/split_show_door/, /401/);
      // The browser says so of what the page asked for ahead of its use.
      page.watch.allow(/was preloaded using link preload but not used/);
      let faults = 0;
      let visits = 0;
      page.on('request', (request) => {
        if (request.isNavigationRequest()) visits += 1;
      });
      await page.route(PART, async (route) => {
        if (faults === times) return route.continue();
        faults += 1;
        return fault(route);
      });
      await open(page, '/sign-in');
      await alive(page);
      await signIn(page, server.people.technician.email, 'not the password');
      await page.getByText('The address or the password is wrong.').waitFor();
      assert.equal(faults, times);
      assert.equal(visits, visitsMeant);
    });

  it('is asked for again when the network fails', async () => {
    await openWith(3, 1, (route) => route.abort('connectionreset'));
  });

  it('is asked for again when the server is being started', async () => {
    await openWith(3, 1, (route) => route.fulfill({ status: 503 }));
  });

  it('that a newer portal has no more leads to the newer portal, once', async () => {
    await openWith(3, 2, (route) => route.fulfill({ status: 404 }));
  });
});
