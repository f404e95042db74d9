//! Runs the browser tests, two files at once: each has a server, agents and a browser of its own, and waits more than it
//! works.
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

// A file that hangs fails by itself.
run({ files, concurrency: 2, timeout: 900_000 })
  .on('test:fail', () => {
    process.exitCode = 1;
  })
  .pipe(new spec())
  .pipe(process.stdout);
