//! One Chromium for a test file, and pages in it as people have them: light or dark, wide or narrow, with or
//! without JavaScript.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { BROWSER, OUT } from './paths.mjs';
import { Watch } from './watch.mjs';

const ARGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
  '--disable-gpu',
];
/** How long a condition may take to come true when nothing else is said. */
const PATIENCE = 15_000;
export const WIDE = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

export async function openBrowser() {
  const browser = await chromium.launch({ executablePath: BROWSER, args: ARGS });
  return {
    /** A person's browser: `session` is what an earlier one of theirs had kept. */
    async person({ theme = 'light', viewport = WIDE, js = true, session, url, zone = 'UTC' } = {}) {
      const context = await browser.newContext({
        baseURL: url,
        colorScheme: theme,
        viewport,
        javaScriptEnabled: js,
        storageState: session,
        locale: 'en-GB',
        timezoneId: zone,
        reducedMotion: 'reduce',
        permissions: js ? ['clipboard-read', 'clipboard-write'] : [],
      });
      context.setDefaultTimeout(PATIENCE);
      await context.addInitScript(observe);
      const newPage = async () => {
        const page = await context.newPage();
        page.watch = new Watch(page, js);
        return page;
      };
      return { context, newPage, session: () => context.storageState(), close: () => context.close() };
    },
    close: () => browser.close(),
  };
}

/** Runs in every page before its own scripts. */
function observe() {
  addEventListener('securitypolicyviolation', (event) => {
    console.error(`content security policy: ${event.violatedDirective} refused ${event.blockedURI}`);
  });
  window.layoutShifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      const moved = entry.sources.map(({ node }) => (node instanceof Element ? `${node.localName}.${node.className}` : 'text'));
      window.layoutShifts.push({ value: entry.value, moved });
    }
  }).observe({ type: 'layout-shift', buffered: true });
}

/** Runs a test with a page of a person, and fails when the browser complained. Leaves a picture when it fails. */
export async function onPage(person, run) {
  const page = await person.newPage();
  try {
    await run(page, person);
    const { complaints } = page.watch;
    if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join('\n')}`);
  } catch (error) {
    mkdirSync(OUT, { recursive: true });
    const file = join(OUT, `failed-${Date.now()}.png`);
    await page.screenshot({ path: file, fullPage: true }).catch(() => {});
    error.message += `\n(the page was ${page.url()}, its picture is ${file})`;
    if (page.watch.complaints.length > 0) error.message += `\n${page.watch.complaints.join('\n')}`;
    throw error;
  } finally {
    await page.close();
  }
}

/** Runs a test with a page of somebody who has just opened their browser. */
export async function withPage(browser, options, run) {
  const person = await browser.person(options);
  try {
    await onPage(person, run);
  } finally {
    await person.close();
  }
}

/** The developer tools of a page. One session for as long as the page lives: ending one ends its passkeys too. */
export async function toolsOf(page) {
  page.tools ??= await page.context().newCDPSession(page);
  return page.tools;
}

/** Resolves once the browser has taken over the page: its forms and links are answered by the portal's own code. */
export async function alive(page) {
  const tools = await toolsOf(page);
  const expression = `(() => {
    const has = (target, event) => (getEventListeners(target)[event] ?? []).length > 0;
    return has(window, 'popstate') && [...document.querySelectorAll('form[method="post"]')].every((form) => has(form, 'submit'));
  })()`;
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const { result } = await tools.send('Runtime.evaluate', { expression, includeCommandLineAPI: true, returnByValue: true });
    if (result.value === true) return;
    if (Date.now() > deadline) throw new Error(`${page.url()} did not come alive`);
    await page.waitForTimeout(50);
  }
}
