//! Watches a page: whatever a browser complains about is a failure unless the test said that it belongs there.

/** Kinds of requests that stay open for as long as the page does. */
const STAYS_OPEN = ['eventsource', 'websocket'];
/** A page on which nothing was asked for this long has settled; longer than pages gather events for. */
const QUIET = 1300;

export class Watch {
  #complaints = [];
  #allowed = [];
  #open = new Set();
  #lastRequest = Date.now();

  constructor(page, js) {
    page.on('console', (message) => {
      if (!['error', 'warning'].includes(message.type())) return;
      // Without JavaScript nothing uses what the page fetched for it, which a test that waits gets to hear.
      if (!js && message.text().includes('was preloaded using link preload but not used')) return;
      const [text] = message.text().split('\n\nStack:');
      this.#complain(`${message.type()}: ${text} (${message.location().url}, on ${new URL(page.url()).pathname})`);
    });
    page.on('pageerror', (error) => this.#complain(`uncaught: ${error.message}`));
    page.on('request', (request) => this.#asked(request));
    page.on('requestfinished', (request) => this.#answered(request));
    page.on('requestfailed', (request) => {
      this.#answered(request);
      const why = request.failure()?.errorText ?? 'unknown';
      // Leaving a page ends what it was still asking for; without JavaScript no script is fetched.
      const isMeant = why === 'net::ERR_ABORTED' || (!js && why === 'csp' && request.url().endsWith('.js'));
      if (!isMeant) this.#complain(`failed: ${request.method()} ${request.url()} ${why}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 400) {
        this.#complain(`status ${response.status()}: ${response.request().method()} ${response.url()}`);
      }
    });
  }

  /** Complaints that match belong to what the test does. */
  allow(...patterns) {
    this.#allowed.push(...patterns);
  }

  /** What the browser complained about, beyond what was allowed. */
  get complaints() {
    return this.#complaints.filter((text) => !this.#allowed.some((pattern) => pattern.test(text)));
  }

  /** Forgets what was said and allowed so far. */
  clear() {
    this.#complaints = [];
    this.#allowed = [];
  }

  /** Resolves once the page asks for nothing any more. */
  async settled(within = 20_000) {
    const deadline = Date.now() + within;
    for (;;) {
      const quiet = Date.now() - this.#lastRequest;
      if (this.#open.size === 0 && quiet >= QUIET) return;
      if (Date.now() > deadline) {
        const open = [...this.#open].map((request) => request.url()).join(', ');
        throw new Error(`the page did not settle within ${within / 1000} s; still open: ${open || 'nothing, it asks again and again'}`);
      }
      await new Promise((resolve) => {
        setTimeout(resolve, Math.max(50, QUIET - quiet));
      });
    }
  }

  #asked(request) {
    if (STAYS_OPEN.includes(request.resourceType())) return;
    this.#open.add(request);
    this.#lastRequest = Date.now();
  }

  #answered(request) {
    if (this.#open.delete(request)) this.#lastRequest = Date.now();
  }

  #complain(text) {
    this.#complaints.push(text);
  }
}
