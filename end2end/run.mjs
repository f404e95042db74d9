//! Runs the browser tests, two files at once: each has a server, agents and a browser of its own, and waits more than it
//! works. The one that sees how pages move while they load is alone.
//! `node run.mjs setup device` runs only those.

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const asked = process.argv.slice(2);
const here = new URL('.', import.meta.url);
const files = readdirSync(here)
  .filter((name) => name.endsWith('.spec.mjs'))
  .filter((name) => asked.length === 0 || asked.includes(name.replace('.spec.mjs', '')))
  .sort()
  .map((name) => fileURLToPath(new URL(name, here)));
if (files.length === 0) {
  console.error(`no browser test is called ${asked.join(' or ')}`);
  process.exit(2);
}

/** Looks at many pages at once as it is. */
const ALONE = '/look.spec.mjs';

const rounds = [
  [files.filter((file) => !file.endsWith(ALONE)), 2],
  [files.filter((file) => file.endsWith(ALONE)), 1],
];
for (const [files, concurrency] of rounds) {
  if (files.length === 0) continue;
  // A file that hangs fails by itself.
  const tests = run({ files, concurrency, timeout: 900_000 });
  tests.on('test:fail', () => {
    process.exitCode = 1;
  });
  for await (const text of tests.compose(new spec())) process.stdout.write(text);
}
